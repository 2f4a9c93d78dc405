"""What to do: recommendations, audiences, alerts."""
