-- Keeps measurements in the registry. Variables: measurements (JSON: [{query, checksum, parameters, buffers,
-- heap_fetches, rows, ms, plan, tables}, ...]), moment, ends_run (the run has nothing more to do here), run_id,
-- tool_version.
BEGIN;
INSERT INTO pgmigrate.measurements (
    run_id, moment, query, checksum, parameters, buffers, heap_fetches, row_count, duration_ms, plan, tables, version,
    tool_version
)
SELECT
    :'run_id',
    :'moment',
    m.value ->> 'query',
    m.value ->> 'checksum',
    ARRAY(SELECT pg_catalog.jsonb_array_elements_text(m.value -> 'parameters')),
    (m.value ->> 'buffers')::bigint,
    (m.value ->> 'heap_fetches')::bigint,
    (m.value ->> 'rows')::bigint,
    (m.value ->> 'ms')::double precision,
    m.value -> 'plan',
    m.value -> 'tables',
    (SELECT max(a.version) FROM pgmigrate.migrations AS a WHERE :of_scope),
    :'tool_version'
FROM pg_catalog.jsonb_array_elements(:'measurements'::jsonb) AS m;
\if :ends_run
UPDATE pgmigrate.runs AS r
SET
    seen_at = pg_catalog.clock_timestamp(),
    finished_at = pg_catalog.clock_timestamp()
WHERE r.run_id = :'run_id'::uuid;
\endif
COMMIT;
