"""What a run tells: on the terminal, as JSON and as a page."""
