"""Backups: taken, verified, kept, restored."""
