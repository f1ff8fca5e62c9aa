"""What the command ``pgmigrate`` does besides recording and checking: it begins a project, or takes one over."""
