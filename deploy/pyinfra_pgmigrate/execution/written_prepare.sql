-- Prepares pgmigrate_written: see written.sql; empty where the server does not count.
PREPARE pgmigrate_written AS
SELECT COALESCE(w.written::text, '') AS written
FROM (
:written
) AS w;
