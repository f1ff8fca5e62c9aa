"""Copies of a database, restored from its backups: to prove them, to rehearse on, to take its place."""
