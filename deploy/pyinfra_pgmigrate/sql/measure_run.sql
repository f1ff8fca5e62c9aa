-- Runs the query that measure.sql has prepared, unless that failed. The first time is there to have everything in
-- memory, the second one counts. Variables: none.
DO $$
DECLARE
    plan json;
BEGIN
    IF pg_catalog.current_setting('pgmigrate.why') = '' AND pg_catalog.current_setting('pgmigrate.explain') <> '' THEN
        EXECUTE pg_catalog.current_setting('pgmigrate.explain') INTO plan;
        PERFORM pg_catalog.set_config('pgmigrate.plan', plan::text, true);
    END IF;
EXCEPTION
    WHEN query_canceled OR OTHERS THEN
        PERFORM pg_catalog.set_config('pgmigrate.why', SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')', true);
END;
$$;
