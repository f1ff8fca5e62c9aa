-- Creates a restore point; where the role may not, tells where the write-ahead log is. Prints the word point.
-- Variables: point_name.
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'EXECUTE') AS may_name \gset
\if :may_name
SELECT pg_catalog.pg_create_restore_point(:'point_name') AS lsn \gset
\else
\set point_name ''
SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn \gset
\endif
SELECT pg_catalog.json_build_object(
    'name', :'point_name'::text,
    'lsn', :'lsn'::text,
    'segment_bytes', pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')),
    'segment', pg_catalog.pg_walfile_name(:'lsn'),
    'taken_at', pg_catalog.to_char(
        pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
    )
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate point :payload
