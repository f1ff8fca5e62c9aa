-- Reports what measure_run.sql found: the plan with what it read, and pages and indexes of each table in it.
-- Variables: query, first, last.
SET LOCAL statement_timeout = '10s';
SELECT pg_catalog.json_build_object(
    'query', :'query',
    'why', pg_catalog.current_setting('pgmigrate.why'),
    'parameters', NULLIF(pg_catalog.current_setting('pgmigrate.parameters'), '')::json,
    'plan', pg_catalog.current_setting('pgmigrate.plan')::json,
    'tables', (
        SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(
            t.name,
            -- The query holds its lock on the table still: asking for the size waits for nobody.
            COALESCE(pg_catalog.pg_relation_size(t.relation), 0)
                / pg_catalog.current_setting('block_size')::bigint,
            (
                SELECT COALESCE(pg_catalog.json_agg(c.relname ORDER BY c.relname), '[]'::json)
                FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
                WHERE i.indrelid = t.relation
                    AND i.indisvalid
            ),
            -- When autovacuum would analyze it, by its defaults, or nobody ever did.
            COALESCE((
                SELECT s.last_analyze IS NULL AND s.last_autoanalyze IS NULL
                    OR s.n_mod_since_analyze > 50 + 0.1 * s.n_live_tup
                FROM pg_catalog.pg_stat_all_tables AS s
                WHERE s.relid = t.relation
            ), false)
        ) ORDER BY t.name), '[]'::json)
        FROM (
            SELECT DISTINCT
                n.node ->> 'Relation Name' AS name,
                pg_catalog.to_regclass(pg_catalog.format('%I.%I', n.node ->> 'Schema', n.node ->> 'Relation Name'))
                    AS relation
            FROM pg_catalog.jsonb_path_query(
                pg_catalog.current_setting('pgmigrate.plan')::jsonb, 'strict $.** ? (exists (@."Relation Name"))'
            ) AS n (node)
        ) AS t
    ),
    'first', :'first'::json,
    'last', :'last'::json
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate measured :payload
ROLLBACK;
SELECT EXISTS (
    SELECT 1 FROM pg_catalog.pg_prepared_statements AS p WHERE p.name = 'pgmigrate_measured'
) AS is_prepared \gset
\if :is_prepared
DEALLOCATE pgmigrate_measured;
\endif
