-- Tells whether the server archives its write-ahead log. Changes nothing. Prints the word archiving.
SELECT pg_catalog.json_build_object(
    'archive_mode', pg_catalog.current_setting('archive_mode'),
    'wal_level', pg_catalog.current_setting('wal_level'),
    'segment_bytes', pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')),
    'segment', pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()),
    'now_s', pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp()))
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate archiving :payload
