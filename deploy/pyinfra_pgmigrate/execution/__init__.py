"""Steps at work."""
