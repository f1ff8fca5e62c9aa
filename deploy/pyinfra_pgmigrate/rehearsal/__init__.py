"""A plan run on a copy of the database first."""
