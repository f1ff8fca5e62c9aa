-- Begins to read one database: the server, and whether its registry can be used. Changes nothing and takes no
-- lock that keeps a writer out. Leaves kept_fingerprint: of the catalog as the last run left it, or empty.
-- Variables: schema.
SET lock_timeout = '10s';
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

SELECT pg_catalog.json_build_object(
    'version', pg_catalog.current_setting('server_version'),
    'version_num', pg_catalog.current_setting('server_version_num')::integer,
    'database', pg_catalog.current_database(),
    'role', CURRENT_USER,
    'in_recovery', pg_catalog.pg_is_in_recovery(),
    'schema_exists', COALESCE((
        SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = :'schema'
    ), false),
    'size_bytes', CASE
        WHEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT')
            THEN pg_catalog.pg_database_size(pg_catalog.current_database())
        ELSE 0
    END,
    -- As ANALYZE or VACUUM last saw it: asking for the size of a table would wait for its lock.
    'index_bytes', (
        SELECT COALESCE(sum(c.relpages), 0)::bigint * pg_catalog.current_setting('block_size')::bigint
        FROM pg_catalog.pg_class AS c
        WHERE c.relkind = 'i'
    ),
    'data_directory', CASE
        WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
            THEN pg_catalog.current_setting('data_directory', true)
    END,
    'may_create_databases', COALESCE((
        SELECT r.rolsuper OR r.rolcreatedb
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = CURRENT_USER
    ), false),
    'roles', (
        SELECT pg_catalog.json_agg(pg_catalog.quote_ident(r.rolname))
        FROM pg_catalog.pg_roles AS r
        WHERE pg_catalog.pg_has_role(r.oid, 'USAGE')
    ),
    'is_superuser', (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER),
    -- What roles without that power wrote, and any statement may run with the rights of a superuser: functions, behind
    -- triggers, event triggers, operators, checks, defaults, views and rules or called as such.
    'foreign_code', (
        SELECT COALESCE(pg_catalog.json_agg(f.told ORDER BY f.told), '[]'::json)
        FROM (
            SELECT 'function ' || p.oid::pg_catalog.regprocedure::text || ' of role ' || pg_catalog.quote_ident(r.rolname) AS told
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
            WHERE (SELECT m.rolsuper FROM pg_catalog.pg_roles AS m WHERE m.rolname = CURRENT_USER)
                AND NOT r.rolsuper
                -- Also of an extension: those of PostgreSQL's own are a superuser's, and whoever owns one may add to it.
                AND p.oid >= 16384
            ORDER BY 1
            LIMIT 100
        ) AS f
    ),
    'may_create_in_database', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
    'may_create_in_schema', COALESCE((
        SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE')
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = :'schema'
    ), false)
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate server :payload

-- What is not there of a registry that is: tables, and columns of them. Somebody may have had a hand in it.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.registry') IS NOT NULL AS has_registry \gset
\set registry_version 0
\if :has_registry
SELECT COALESCE(max(r.version), 0) AS registry_version FROM pgmigrate.registry AS r \gset
\endif
WITH expected (since, name, columns) AS (
    VALUES
        (1, 'registry', 3),
        (1, 'runs', 12),
        (1, 'migrations', 14),
        (1, 'events', 13),
        (1, 'catalogs', 5),
        (2, 'backups', 9),
        (2, 'quarantines', 8),
        (3, 'quarantines', 11),
        (3, 'dependents', 8),
        (4, 'measurements', 15),
        (5, 'catalogs', 6),
        (6, 'catalogs', 7),
        (6, 'migrations', 15),
        (8, 'restore_points', 9),
        (9, 'runs', 13),
        (9, 'migrations', 16),
        (9, 'catalogs', 8),
        (10, 'catalogs', 10)
),
damage AS (
    SELECT
        e.name,
        e.columns,
        pg_catalog.to_regclass('pgmigrate.' || e.name)::oid AS relation
    FROM expected AS e
    WHERE e.since <= GREATEST(:'registry_version'::integer, 1)
)
SELECT
    COALESCE(pg_catalog.json_agg(DISTINCT d.name) FILTER (
        WHERE d.columns > (
            SELECT count(*)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = d.relation
                AND a.attnum > 0
                AND NOT a.attisdropped
        )
        OR d.relation IS NULL
        OR :'registry_version' = '0'
            AND d.name = 'registry'
    ), '[]'::json)::text AS damaged,
    :'registry_exists'::boolean AS has_registry
FROM damage AS d \gset
SELECT :'has_registry' AND :'damaged' <> '[]' AS is_damaged \gset
\if :is_damaged
EXECUTE pgmigrate_encode(:'damaged') \gset
\echo ##pgmigrate damaged :payload
\set has_registry false
\endif
-- Since version 6: the form in which the registry's lines are written.
SELECT :'registry_version'::integer >= 6 AS knows_lines_version \gset
\set catalog_lines_version 1
\set row_lines_version 1
\if :knows_lines_version
\set catalog_lines_version c.lines_version
\set row_lines_version m.lines_version
\endif
SELECT :'registry_version'::integer >= 10 AS knows_changes \gset
\if :knows_changes
\else
\set kept_lines c.lines
\endif
-- Since version 5 of the registry. A row whose lines are not those that it was written with has none. Of one schema of
-- several it says nothing: it is another one whenever another schema changes.
SELECT :'has_registry'::boolean AND :'registry_version'::integer >= 5 AND :'scope' = '' AS knows_fingerprint \gset
\set kept_fingerprint
\if :knows_fingerprint
SELECT COALESCE(max(pg_catalog.split_part(c.fingerprint, ' ', 1)), '') AS kept_fingerprint
FROM pgmigrate.catalogs AS c
WHERE c.kind = 'last'
    AND :of_scope
    AND :catalog_lines_version = :lines_version
    AND pg_catalog.split_part(c.fingerprint, ' ', 2) = pg_catalog.hash_array_extended(c.lines, 0)::text \gset
SELECT :'kept_fingerprint' <> '' AS knows_fingerprint \gset
\endif
\set is_same false
