"""psql on the host: scripts, commands, answers."""
