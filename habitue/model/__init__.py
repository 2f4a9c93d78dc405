"""The behaviour model: a causal sequence network over all of a person's events."""
