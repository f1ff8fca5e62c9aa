-- Tells which database this is, whatever others are called: numbers of its server and its own there. Changes nothing.
-- Prints the word identity. Variables: target (name of a database of this server; empty: the one of this session).
SELECT
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
    AND pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') AS may_ask \gset
\set system_identifier ''
\set timeline 0
-- PostgreSQL lets everybody ask; managed servers need not.
\if :may_ask
SELECT s.system_identifier, c.timeline_id AS timeline
FROM pg_catalog.pg_control_system() AS s
CROSS JOIN pg_catalog.pg_control_checkpoint() AS c \gset
\endif
SELECT pg_catalog.json_build_object(
    'system_identifier', :'system_identifier'::text,
    'timeline', :'timeline'::integer,
    'oid', COALESCE((
        SELECT d.oid::bigint
        FROM pg_catalog.pg_database AS d
        WHERE d.datname = COALESCE(NULLIF(:'target', ''), pg_catalog.current_database())
    ), 0)
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate identity :payload
