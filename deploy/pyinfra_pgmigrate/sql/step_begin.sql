-- Reads the catalog again and leaves with the outcome "moved" when the database is not as the plan
-- found it. Variables: version, expected_checksum (empty: not registered), present, absent.
EXECUTE pgmigrate_read('pgmigrate.before');
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
SELECT pg_catalog.translate(pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_object(
    'result', 'moved'
)::text, 'UTF8'), 'base64'), E'\n', '') AS payload \gset
\echo ##pgmigrate outcome :payload
\quit
\endif
-- Before the first migration of this database: what it was.
INSERT INTO pgmigrate.catalogs (kind, run_id, lines)
VALUES ('first', :'run_id', pg_catalog.current_setting('pgmigrate.before')::text[])
ON CONFLICT (kind) DO NOTHING;
