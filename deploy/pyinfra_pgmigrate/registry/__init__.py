"""The registry in the database, and the database as it is read."""
