"""Migrations as files: headers, effects, rules, and how effects are recorded."""
