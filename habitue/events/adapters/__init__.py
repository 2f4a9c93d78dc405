"""Published layouts by name; see `registry`."""
