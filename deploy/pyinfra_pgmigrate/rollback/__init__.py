"""The way back: scripts, what stands in the way, what is kept."""
