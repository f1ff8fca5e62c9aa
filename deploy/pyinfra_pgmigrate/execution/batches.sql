-- Runs one statement again and again, a transaction each, until it returns no key.
-- Variables: statement, batch_rows.
-- Rows are locked one by one; whoever holds one this long is in trouble himself.
SET lock_timeout = '5s';
SELECT
    pg_catalog.set_config('pgmigrate.batch_statement', :'statement', false),
    pg_catalog.set_config('pgmigrate.batch_size', :'batch_rows', false),
    pg_catalog.set_config('pgmigrate.batch_after', '', false),
    pg_catalog.set_config('pgmigrate.batch_total', '0', false);
DO $$
DECLARE
    statement text;
    last_key text;
    row_count bigint;
BEGIN
    LOOP
        statement := pg_catalog.current_setting('pgmigrate.batch_statement');
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
        EXECUTE statement INTO last_key, row_count;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
        EXIT WHEN last_key IS NULL;
        IF last_key = pg_catalog.current_setting('pgmigrate.batch_after') THEN
            RAISE EXCEPTION 'the batch ends at key % again: it would never end', last_key
                USING HINT = 'Return the last key of the rows that it took, and take those after pgmigrate.batch_after.';
        END IF;
        PERFORM
            pg_catalog.set_config('pgmigrate.batch_after', last_key, false),
            pg_catalog.set_config(
                'pgmigrate.batch_total',
                (pg_catalog.current_setting('pgmigrate.batch_total')::bigint + COALESCE(row_count, 0))::text,
                false
            ),
            pg_catalog.set_config(
                'application_name',
                pg_catalog.regexp_replace(pg_catalog.current_setting('application_name'), ' [0-9]+ rows$', '')
                    || ' ' || (pg_catalog.current_setting('pgmigrate.batch_total')::bigint + COALESCE(row_count, 0))
                    || ' rows',
                false
            );
        -- Triggers that wait for the end of the transaction find what the statement finds.
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), false);
        COMMIT;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
    END LOOP;
END;
$$;
SELECT pg_catalog.current_setting('pgmigrate.batch_total')::bigint + :'row_count'::bigint AS row_count \gset
