"""SQL text, read by PostgreSQL's own grammar."""
