-- Runs the query that measure.sql has prepared, unless that failed. The first time is there to have everything in
-- memory, the second one counts. Variables: none.
DO $$
DECLARE
    explain text := pg_catalog.current_setting('pgmigrate.explain');
    plan json;
BEGIN
    IF pg_catalog.current_setting('pgmigrate.why') = '' AND explain <> '' THEN
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
        EXECUTE explain INTO plan;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        PERFORM pg_catalog.set_config('pgmigrate.plan', plan::text, true);
    END IF;
EXCEPTION
    WHEN query_canceled OR OTHERS THEN
        PERFORM pg_catalog.set_config('pgmigrate.why', SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')', true);
END;
$$;
