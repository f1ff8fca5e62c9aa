-- Reads the catalog again and leaves with the outcome "moved" when the database is not as the plan
-- found it. Variables: is_first (of this session), version, expected_checksum (empty: not registered),
-- present, absent.
\if :is_first
EXECUTE pgmigrate_read('pgmigrate.before', false);
\else
-- The step before has just read it. Whatever others change between the two shows as a change that the
-- effect does not promise, and the step is tried again in a session of its own.
SELECT pg_catalog.set_config('pgmigrate.before', pg_catalog.current_setting('pgmigrate.after'), false);
\endif
SELECT
    COALESCE((
        SELECT m.checksum
        FROM pgmigrate.migrations AS m
        WHERE m.version = :'version'::bigint
    ), '') <> :'expected_checksum'
    OR NOT pg_catalog.current_setting('pgmigrate.before')::text[]
        @> ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'present'::jsonb))
    OR pg_catalog.current_setting('pgmigrate.before')::text[]
        && ARRAY(SELECT pg_catalog.jsonb_array_elements_text(:'absent'::jsonb))
    AS moved \gset
\if :moved
ROLLBACK;
SELECT pg_catalog.json_build_object(
    'result', 'moved'
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
\quit
\endif
-- What others changed since the last run goes down with this one: the next catalog will hold it.
UPDATE pgmigrate.runs AS r
SET drift = ARRAY(
    SELECT '- ' || d.line
    FROM (
        SELECT pg_catalog.unnest(c.lines) AS line
        FROM pgmigrate.catalogs AS c
        WHERE c.kind = 'last'
        EXCEPT
        SELECT pg_catalog.unnest(pg_catalog.current_setting('pgmigrate.before')::text[])
    ) AS d

    UNION ALL
    SELECT '+ ' || d.line
    FROM (
        SELECT pg_catalog.unnest(pg_catalog.current_setting('pgmigrate.before')::text[]) AS line
        WHERE EXISTS (SELECT 1 FROM pgmigrate.catalogs AS c WHERE c.kind = 'last')
        EXCEPT
        SELECT pg_catalog.unnest(c.lines)
        FROM pgmigrate.catalogs AS c
        WHERE c.kind = 'last'
    ) AS d
)
WHERE r.run_id = :'run_id'::uuid
    AND r.drift IS NULL;
-- Before the first migration of this database: what it was.
INSERT INTO pgmigrate.catalogs (kind, run_id, lines)
VALUES ('first', :'run_id', pg_catalog.current_setting('pgmigrate.before')::text[])
ON CONFLICT (kind) DO NOTHING;
