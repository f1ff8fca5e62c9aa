-- Tells what a restore leaves with the database that it puts aside, and what keeps that from being renamed. Changes
-- nothing. Prints the word left_behind. Variables: target (name of the database).
SELECT pg_catalog.json_build_object(
    'slots', COALESCE((
        SELECT pg_catalog.json_agg(s.slot_name ORDER BY s.slot_name)
        FROM pg_catalog.pg_replication_slots AS s
        WHERE s.database = :'target'
            AND s.slot_type = 'logical'
    ), '[]'::json),
    'subscriptions', COALESCE((
        SELECT pg_catalog.json_agg(u.subname ORDER BY u.subname)
        FROM pg_catalog.pg_subscription AS u
        JOIN pg_catalog.pg_database AS d ON d.oid = u.subdbid
        WHERE d.datname = :'target'
    ), '[]'::json),
    'prepared', COALESCE((
        SELECT pg_catalog.json_agg(p.gid ORDER BY p.prepared)
        FROM pg_catalog.pg_prepared_xacts AS p
        WHERE p.database = :'target'
    ), '[]'::json),
    'tablespaces', (
        SELECT pg_catalog.json_agg(t.spcname)
        FROM pg_catalog.pg_tablespace AS t
        WHERE t.spcname = 'pg_default'
            OR pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')
    )
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate left_behind :payload
