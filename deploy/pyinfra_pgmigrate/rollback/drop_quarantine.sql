-- Throws away what the rollbacks of one run kept. Variables: run (beginning of its id).
BEGIN;
SELECT pg_catalog.format('DROP TABLE IF EXISTS pgmigrate.%I', 'quarantine_' || q.id)
FROM pgmigrate.quarantines AS q
WHERE pg_catalog.starts_with(q.run_id::text, :'run')
\gexec
UPDATE pgmigrate.quarantines AS q
SET dropped_at = pg_catalog.clock_timestamp()
WHERE pg_catalog.starts_with(q.run_id::text, :'run')
    AND q.dropped_at IS NULL;
UPDATE pgmigrate.dependents AS d
SET dropped_at = pg_catalog.clock_timestamp()
WHERE pg_catalog.starts_with(d.run_id::text, :'run')
    AND d.restored_at IS NULL
    AND d.dropped_at IS NULL;
UPDATE pgmigrate.runs AS r
SET finished_at = pg_catalog.clock_timestamp()
WHERE r.run_id = :'run_id'::uuid;
COMMIT;
