"""Published benchmarks with their published protocols."""
