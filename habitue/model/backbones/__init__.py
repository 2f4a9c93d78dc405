"""Kinds of causal sequence networks, one a file, all behind one interface."""
