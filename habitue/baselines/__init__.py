"""What every number is compared with, and the fallbacks."""
