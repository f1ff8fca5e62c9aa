-- Measures one query: reads what the registry keeps of it, draws the parameters or takes those of the first time;
-- measure_run.sql, twice, and measure_done.sql follow. Cannot write, and waits for nobody for long.
-- Variables: query (its name), checksum, drawing (SELECT of the parameters, may be empty), statement,
-- timeout_ms (longest time of one statement).
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.measurements') IS NOT NULL AS has_measurements \gset
\set first 'null'
\set last 'null'
\if :has_measurements
WITH kept AS (
    SELECT
        m.id,
        m.moment,
        pg_catalog.json_build_object(
            'at', pg_catalog.to_char(m.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
            'version', m.version,
            'parameters', m.parameters,
            'buffers', m.buffers,
            'heap_fetches', m.heap_fetches,
            'rows', m.row_count,
            'ms', m.duration_ms,
            'plan', m.plan,
            'tables', m.tables
        ) AS row
    FROM pgmigrate.measurements AS m
    WHERE m.query = :'query'
        AND m.checksum = :'checksum'
        AND :of_run
)
SELECT
    COALESCE((SELECT k.row FROM kept AS k ORDER BY k.id LIMIT 1)::text, 'null') AS first,
    COALESCE((
        SELECT k.row FROM kept AS k WHERE k.moment = 'before' ORDER BY k.id DESC LIMIT 1
    )::text, 'null') AS last \gset
\endif
BEGIN TRANSACTION READ ONLY;
SET LOCAL lock_timeout = '2s';
-- What the planner makes of these very values, whatever it would do after five executions.
SET LOCAL plan_cache_mode = force_custom_plan;
SELECT
    pg_catalog.set_config('statement_timeout', :'timeout_ms', true),
    pg_catalog.set_config('pgmigrate.drawing', :'drawing', true),
    pg_catalog.set_config('pgmigrate.statement', :'statement', true),
    pg_catalog.set_config('pgmigrate.first', :'first', true),
    pg_catalog.set_config('pgmigrate.parameters', '', true),
    pg_catalog.set_config('pgmigrate.explain', '', true),
    pg_catalog.set_config('pgmigrate.plan', 'null', true),
    pg_catalog.set_config('pgmigrate.why', '', true);
DO $$
DECLARE
    first json := pg_catalog.current_setting('pgmigrate.first')::json;
    drawing text := pg_catalog.current_setting('pgmigrate.drawing');
    prepared text := 'PREPARE pgmigrate_measured AS ' || pg_catalog.current_setting('pgmigrate.statement');
    parameters text[] := '{}';
BEGIN
    IF pg_catalog.json_typeof(first) = 'object' THEN
        SELECT COALESCE(pg_catalog.array_agg(p.value ORDER BY p.place), '{}')
        INTO parameters
        FROM pg_catalog.json_array_elements_text(first -> 'parameters') WITH ORDINALITY AS p (value, place);
    ELSIF drawing <> '' THEN
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
        EXECUTE pg_catalog.format(
            'SELECT (SELECT pg_catalog.array_agg(p.value ORDER BY p.place)'
            ' FROM pg_catalog.json_each_text(pg_catalog.row_to_json(d)) WITH ORDINALITY AS p (key, value, place))'
            ' FROM (%s) AS d LIMIT 1',
            drawing
        )
        INTO parameters;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        IF parameters IS NULL THEN
            RETURN;
        END IF;
    END IF;
    PERFORM pg_catalog.set_config('pgmigrate.parameters', pg_catalog.array_to_json(parameters)::text, true);
    PERFORM pg_catalog.set_config(
        'pgmigrate.explain',
        'EXPLAIN (ANALYZE, BUFFERS, VERBOSE, TIMING OFF, FORMAT JSON) EXECUTE pgmigrate_measured'
        || COALESCE((
            SELECT '(' || pg_catalog.string_agg(pg_catalog.quote_nullable(p.value), ', ' ORDER BY p.place) || ')'
            FROM pg_catalog.unnest(parameters) WITH ORDINALITY AS p (value, place)
        ), ''),
        true
    );
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
    EXECUTE prepared;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
EXCEPTION
    WHEN query_canceled OR OTHERS THEN
        PERFORM pg_catalog.set_config('pgmigrate.why', SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')', true);
END;
$$;
