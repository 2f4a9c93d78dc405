"""A made-up shop of any size with known truth, streamed to disk."""
