-- Reports a step. Variables: version, duration_ms, durations, row_count, foreign_lines.
SELECT pg_catalog.json_build_object(
    'result', 'done',
    'version', :'version'::bigint,
    'duration_ms', :'duration_ms'::bigint,
    'durations', :'durations'::json,
    'rows', :'row_count'::bigint,
    'foreign', :'foreign_lines'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
