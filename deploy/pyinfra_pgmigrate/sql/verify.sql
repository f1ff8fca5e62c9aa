-- Asks a verify query where it cannot write; leaves its answer, or why it could not run, in the setting
-- pgmigrate.problems. Needs a transaction. Variables: verify.
SELECT pg_catalog.set_config('pgmigrate.verify', :'verify', true);
DO $$
DECLARE
    found text;
BEGIN
    BEGIN
        -- This block is a subtransaction: the read-only state ends with it.
        PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.json_build_object(''count'', count(*), ''problems'', COALESCE(pg_catalog.json_agg('
            'pg_catalog.json_build_array(q.object, q.problem)) FILTER (WHERE q.place <= 20), ''[]''::json))::text'
            ' FROM (SELECT v.object::text, v.problem::text, row_number() OVER () AS place FROM (%s) AS v'
            ' (object, problem)) AS q',
            pg_catalog.current_setting('pgmigrate.verify')
        )
        INTO found;
    EXCEPTION
        WHEN query_canceled THEN
            RAISE;
        WHEN OTHERS THEN
            found := pg_catalog.json_build_object('sqlstate', SQLSTATE, 'message', SQLERRM)::text;
    END;
    PERFORM pg_catalog.set_config('pgmigrate.problems', found, true);
END;
$$;
