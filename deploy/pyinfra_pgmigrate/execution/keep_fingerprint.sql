-- After the last step of a session, when no lock is held any more: has the registry hold all lines again where steps read
-- the catalog in parts. At the end of a run: reads all of it once more, and keeps its fingerprint where it is what the steps
-- left. Where it is not, the next look says how it differs. Variables: before, after, reads_parts, part,
-- needs_fingerprint, run_id.
\if :reads_parts
EXECUTE pgmigrate_joined(:'before', :'after' || '_part', :'part');
UPDATE pgmigrate.catalogs AS c
SET
    lines = pg_catalog.current_setting(:'before')::text[],
    removed = '{}',
    added = '{}'
WHERE c.kind = 'last'
    AND :of_scope
    AND c.run_id = :'run_id';
\endif
\if :needs_fingerprint
EXECUTE pgmigrate_read('pgmigrate.now', true);
UPDATE pgmigrate.catalogs AS c
-- With a hash of the lines themselves: nobody has had a hand in one of the two.
SET fingerprint = pg_catalog.current_setting('pgmigrate.now_fingerprint') || ' ' || pg_catalog.hash_array_extended(c.lines, 0)
WHERE c.kind = 'last'
    AND :of_scope
    AND c.run_id = :'run_id'
    AND c.lines = pg_catalog.current_setting('pgmigrate.now')::text[];
\endif
