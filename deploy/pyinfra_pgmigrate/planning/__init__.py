"""What a run does, and why not. Pure."""
