-- Reports what verify.sql found. Variables: version.
SELECT (
    pg_catalog.current_setting('pgmigrate.problems')::jsonb
        || pg_catalog.jsonb_build_object('version', :'version'::bigint)
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate verified :payload
