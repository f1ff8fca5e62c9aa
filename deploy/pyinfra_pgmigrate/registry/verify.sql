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
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.json_build_object(''count'', pg_catalog.count(*), ''problems'', COALESCE('
            'pg_catalog.json_agg(pg_catalog.json_build_array(q.object, q.problem))'
            ' FILTER (WHERE q.place OPERATOR(pg_catalog.<=) 20), ''[]''::json))::text'
            ' FROM (SELECT pg_catalog.concat(v.object) AS object, pg_catalog.concat(v.problem) AS problem,'
            ' pg_catalog.row_number() OVER () AS place FROM (%s) AS v (object, problem)) AS q',
            pg_catalog.current_setting('pgmigrate.verify')
        )
        INTO found;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXCEPTION
        WHEN query_canceled THEN
            RAISE;
        WHEN OTHERS THEN
            found := pg_catalog.json_build_object('sqlstate', SQLSTATE, 'message', SQLERRM)::text;
    END;
    PERFORM pg_catalog.set_config('pgmigrate.problems', found, true);
END;
$$;
