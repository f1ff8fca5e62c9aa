"""The folders of other migration tools: what they look like, and what is in them. Pure: no I/O but the files."""
