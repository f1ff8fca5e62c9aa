-- After the last step of a run that did not read all of the catalog: reads it, and keeps its fingerprint where it is what
-- the steps left. Where it is not, the next look says how it differs. Variables: needs_fingerprint, run_id.
\if :needs_fingerprint
EXECUTE pgmigrate_read('pgmigrate.now', true, NULL, NULL);
UPDATE pgmigrate.catalogs AS c
SET fingerprint = pg_catalog.current_setting('pgmigrate.now_fingerprint') || ' ' || pg_catalog.hash_array_extended(c.lines, 0)
WHERE c.kind = 'last'
    AND :of_scope
    AND c.run_id = :'run_id'
    AND c.lines = pg_catalog.current_setting('pgmigrate.now')::text[];
\endif
