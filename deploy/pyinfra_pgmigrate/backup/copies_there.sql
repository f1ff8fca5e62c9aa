-- Tells of which copies of a database there are, and of which roles of copies, what their runs said of them, null where
-- a run was ended before it could; and what time it is. Changes nothing. Variables: scratch (a LIKE pattern).
SELECT COALESCE((
    SELECT pg_catalog.json_agg(t.comment)
    FROM (
        SELECT pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
        FROM pg_catalog.pg_database AS d
        WHERE d.datname LIKE :'scratch'

        UNION
        -- A role is there before its copy.
        SELECT pg_catalog.shobj_description(r.oid, 'pg_authid')
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolname LIKE :'scratch'
    ) AS t
), '[]'::json)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate copies :payload
SELECT pg_catalog.to_json(
    pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate now :payload
