-- Reports what verify.sql found. Variables: version.
SELECT pg_catalog.translate(pg_catalog.encode(pg_catalog.convert_to((
    pg_catalog.current_setting('pgmigrate.problems')::jsonb
        || pg_catalog.jsonb_build_object('version', :'version'::bigint)
)::text, 'UTF8'), 'base64'), E'\n', '') AS payload \gset
\echo ##pgmigrate verified :payload
ROLLBACK;
