"""What happened: from files of any kind to a clean, deduplicated event store."""
