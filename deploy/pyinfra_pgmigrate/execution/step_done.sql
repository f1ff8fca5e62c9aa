-- Reports a step. Variables: place, version, duration_ms, durations, row_count, foreign_lines, carried, removed,
-- added, put_back, made.
SELECT pg_catalog.json_build_object(
    'result', 'done',
    'place', :'place'::integer,
    'version', :'version'::bigint,
    'duration_ms', :'duration_ms'::bigint,
    'durations', :'durations'::json,
    'rows', :'row_count'::bigint,
    'foreign', :'foreign_lines'::json,
    'carried', :'carried'::json,
    'removed', pg_catalog.array_to_json(:'removed'::text[]),
    'added', pg_catalog.array_to_json(:'added'::text[]),
    'put_back', :'put_back'::json,
    'made', :'made'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
