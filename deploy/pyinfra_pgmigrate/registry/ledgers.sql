-- What the tables of other migration tools say was applied; nothing where there is none of them. Variables: schema,
-- has_registry. Only plain tables whose columns have PostgreSQL's own types, and without expressions of theirs, are
-- read: that runs nobody's code.
SELECT
    EXISTS (
        SELECT 1
        FROM pg_catalog.pg_class AS c
        WHERE c.relkind = 'r'
            AND c.relname IN (
                'alembic_version', 'flyway_schema_history', 'schema_migrations', '_sqlx_migrations', '_prisma_migrations',
                '__diesel_schema_migrations', 'goose_db_version', 'gorp_migrations', 'pgmigrations', 'changes'
            )
    ) AS has_ledgers,
    'false' AS has_reverted \gset
\if :has_ledgers
\if :has_registry
-- What a rollback took back was applied by their word, and is not any more.
SELECT EXISTS (SELECT 1 FROM pgmigrate.events AS e WHERE e.event = 'reverted' AND :of_run) AS has_reverted \gset
\endif
SELECT
    pg_catalog.set_config('pgmigrate.ledgers', '[]', true),
    pg_catalog.set_config('pgmigrate.ledger_schema', :'schema', true),
    -- That tool may be at work on it.
    pg_catalog.set_config('lock_timeout', '5s', true);
DO $$
DECLARE
    candidate record;
    found jsonb;
BEGIN
    FOR candidate IN
        SELECT
            k.tool,
            pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
            k.query
        -- Columns that tell two tools with one name for their table apart. Each query gives key, whether it was
        -- applied, and whether that is true of all before it, too; an entry of which the tool says neither is no row.
        FROM (
            VALUES
                (
                    'Flyway', NULL::name, 'flyway_schema_history'::name,
                    '{version,script,type,success,installed_rank}'::name[], '{}'::name[],
                    'SELECT DISTINCT ON (1) COALESCE(t.version::text, t.script::text), t.success'
                        ' AND t.type::text NOT LIKE ''UNDO%%'' AND t.type::text <> ''DELETE'','
                        ' t.type::text LIKE ''%%BASELINE'''
                        ' FROM ONLY %s AS t ORDER BY 1, t.installed_rank DESC'
                ),
                (
                    'Alembic', NULL, 'alembic_version', '{version_num}', '{}',
                    'SELECT t.version_num::text, true, true FROM ONLY %s AS t'
                ),
                (
                    'golang-migrate', NULL, 'schema_migrations', '{version,dirty}', '{}',
                    'SELECT t.version::text, NOT t.dirty, true FROM ONLY %s AS t'
                ),
                (
                    'dbmate', NULL, 'schema_migrations', '{version}', '{dirty}',
                    'SELECT t.version::text, true, false FROM ONLY %s AS t'
                ),
                (
                    'Supabase', 'supabase_migrations', 'schema_migrations', '{version}', '{dirty}',
                    'SELECT t.version::text, true, false FROM ONLY %s AS t'
                ),
                (
                    'sqlx', NULL, '_sqlx_migrations', '{version,success}', '{}',
                    'SELECT t.version::text, t.success, false FROM ONLY %s AS t'
                ),
                (
                    'Prisma', NULL, '_prisma_migrations', '{migration_name,finished_at,rolled_back_at}', '{}',
                    'SELECT t.migration_name::text,'
                        ' pg_catalog.bool_or(t.finished_at IS NOT NULL AND t.rolled_back_at IS NULL), false'
                        ' FROM ONLY %s AS t GROUP BY 1'
                ),
                (
                    'Diesel', NULL, '__diesel_schema_migrations', '{version}', '{}',
                    'SELECT t.version::text, true, false FROM ONLY %s AS t'
                ),
                (
                    'goose', NULL, 'goose_db_version', '{id,version_id,is_applied}', '{}',
                    'SELECT DISTINCT ON (1) t.version_id::text, t.is_applied, false'
                        ' FROM ONLY %s AS t WHERE t.version_id > 0 ORDER BY 1, t.id DESC'
                ),
                (
                    'sql-migrate', NULL, 'gorp_migrations', '{id,applied_at}', '{}',
                    'SELECT t.id::text, true, false FROM ONLY %s AS t'
                ),
                (
                    'node-pg-migrate', NULL, 'pgmigrations', '{name,run_on}', '{}',
                    'SELECT t.name::text, true, false FROM ONLY %s AS t'
                ),
                (
                    'Sqitch', 'sqitch', 'changes', '{change,change_id,project}', '{}',
                    'SELECT t.change::text, true, false FROM ONLY %s AS t'
                )
        ) AS k (tool, home, name, columns, others, query)
        JOIN pg_catalog.pg_class AS c ON c.relname = k.name
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r'
            AND NOT c.relrowsecurity
            -- With the power of a superuser only what belongs to somebody who has it, or to the database's owner.
            AND (
                NOT (SELECT m.rolsuper FROM pg_catalog.pg_roles AS m WHERE m.rolname = CURRENT_USER)
                OR c.relowner IN (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolsuper)
                OR c.relowner = (
                    SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
                )
            )
            -- To plan a query works out what is constant in these.
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = c.oid
                    AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
            )
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_statistic_ext AS x
                WHERE x.stxrelid = c.oid
                    AND x.stxexprs IS NOT NULL
            )
            AND n.nspname IN (
                COALESCE(k.home, pg_catalog.current_setting('pgmigrate.ledger_schema')), COALESCE(k.home, 'public')
            )
            AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.unnest(k.columns) AS w (name)
                WHERE NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_attribute AS a
                    JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                    WHERE a.attrelid = c.oid
                        AND a.attname = w.name
                        AND NOT a.attisdropped
                        AND y.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                )
            )
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid
                    AND a.attname = ANY (k.others)
                    AND NOT a.attisdropped
            )
        ORDER BY n.nspname <> pg_catalog.current_setting('pgmigrate.ledger_schema'), k.tool
    LOOP
        BEGIN
            EXECUTE
                'SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(r.key, r.is_done, r.is_all)), ''[]'')'
                ' FROM (' || pg_catalog.format(candidate.query, candidate.name) || ') AS r (key, is_done, is_all)'
            INTO found;
            PERFORM pg_catalog.set_config('pgmigrate.ledgers', (
                pg_catalog.current_setting('pgmigrate.ledgers')::jsonb || pg_catalog.jsonb_build_array(
                    pg_catalog.jsonb_build_object('tool', candidate.tool, 'table', candidate.name, 'rows', found)
                )
            )::text, true);
        EXCEPTION
            WHEN syntax_error_or_access_rule_violation THEN
                -- Columns of these names and other types: no table of that tool.
                NULL;
        END;
    END LOOP;
END;
$$;
SELECT pg_catalog.set_config('lock_timeout', '0', true);
SELECT pg_catalog.jsonb_build_object(
    'ledgers', pg_catalog.current_setting('pgmigrate.ledgers')::jsonb,
    'has_reverted', :'has_reverted'::boolean
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate ledgers :payload
\endif
