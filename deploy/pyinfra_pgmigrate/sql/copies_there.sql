-- Tells of which copies of a database there are, and roles of such, what their runs said of them. Changes nothing.
-- Variables: scratch (a LIKE pattern).
SELECT COALESCE((
    SELECT pg_catalog.json_agg(c.comment)
    FROM (
        SELECT pg_catalog.shobj_description(d.oid, 'pg_database')
        FROM pg_catalog.pg_database AS d
        WHERE d.datname LIKE :'scratch'

        UNION ALL
        SELECT pg_catalog.shobj_description(r.oid, 'pg_authid')
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolname LIKE :'scratch'
    ) AS c (comment)
    WHERE c.comment IS NOT NULL
), '[]'::json)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate copies :payload
