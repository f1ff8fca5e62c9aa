-- Asks a query for keys and values where it cannot write, and prints the word total: its name, how many keys, a
-- hash that does not depend on their order, and the values unless there are more than 10,000. Needs a
-- transaction, which goes on where the query fails. Variables: total, query.
SET LOCAL extra_float_digits = 1;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
-- It may be wrong, and the backup waits for it.
SET LOCAL statement_timeout = '10min';
SELECT
    pg_catalog.set_config('pgmigrate.query', :'query', true),
    pg_catalog.set_config('pgmigrate.answers', '', true);
DO $$
DECLARE
    found text;
BEGIN
    BEGIN
        -- This block is a subtransaction: the read-only state ends with it.
        PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
        PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.statement_path'), true);
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.json_build_object(''count'', pg_catalog.count(*), ''digest'', COALESCE(pg_catalog.sum('
            'pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(q.key, q.value), 0), 0)), 0)::text,'
            ' ''values'', CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.<=) 10000 THEN COALESCE('
            'pg_catalog.json_agg(pg_catalog.json_build_array(q.key, q.value))'
            ' FILTER (WHERE q.place OPERATOR(pg_catalog.<=) 10000), ''[]''::json) END, ''problem'', '''')::text'
            -- In the text form of their types, not by a cast that somebody made for them.
            ' FROM (SELECT CASE WHEN v.key IS NULL THEN ''(null)'' ELSE pg_catalog.concat(v.key) END COLLATE "C" AS key,'
            ' CASE WHEN v.value IS NULL THEN ''(null)'' ELSE pg_catalog.concat(v.value) END COLLATE "C" AS value,'
            ' pg_catalog.row_number() OVER () AS place FROM (%s) AS v (key, value)) AS q',
            pg_catalog.current_setting('pgmigrate.query')
        )
        INTO found;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXCEPTION
        WHEN OTHERS OR query_canceled THEN
            found := pg_catalog.json_build_object(
                'count', 0, 'digest', '', 'values', NULL, 'problem', SQLERRM || ' (SQLSTATE ' || SQLSTATE || ')'
            )::text;
    END;
    PERFORM pg_catalog.set_config('pgmigrate.answers', found, true);
END;
$$;
SET LOCAL statement_timeout = 0;
SELECT pg_catalog.json_build_array(:'total', pg_catalog.current_setting('pgmigrate.answers')::json)::text
    AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate total :payload
