"""What it means: features, interests, tags, predictions, profiles."""
