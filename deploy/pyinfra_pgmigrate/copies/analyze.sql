-- Gathers statistics of a restored database. Variables: none of its own.
ANALYZE;
