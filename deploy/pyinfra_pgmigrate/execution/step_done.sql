-- Reports a step. Variables: version, duration_ms, durations, traces, row_count, foreign_lines, carried, removed,
-- added, put_back, made.
SELECT pg_catalog.json_build_object(
    'result', 'done',
    'version', :'version'::bigint,
    'duration_ms', :'duration_ms'::bigint,
    'durations', :'durations'::json,
    'rows', :'row_count'::bigint,
    'foreign', :'foreign_lines'::json,
    'carried', :'carried'::json,
    'removed', pg_catalog.array_to_json(:'removed'::text[]),
    'added', pg_catalog.array_to_json(:'added'::text[]),
    'traces', :'traces'::json,
    'put_back', :'put_back'::json,
    'made', :'made'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate outcome :payload
