-- Tells of which copies of a database there are what their runs said of them. Changes nothing. Variables: scratch (a LIKE
-- pattern).
SELECT COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.shobj_description(d.oid, 'pg_database'))
    FROM pg_catalog.pg_database AS d
    WHERE d.datname LIKE :'scratch'
        AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NOT NULL
), '[]'::json)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate copies :payload
