-- For psycopg, prepared: everything that something depends on, as catalog keys. What a new object depends on is what its
-- statement needs. In place of :among the caller puts what is true of the oids of what they depend on, of those that are
-- read: all, or some.
WITH namespaces AS (
    SELECT
        n.oid,
        CASE
            WHEN n.nspname = pg_catalog.current_schema() THEN ''
            ELSE pg_catalog.quote_ident(n.nspname) || '.'
        END AS prefix
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_'
        AND n.nspname NOT IN ('information_schema', 'pgmigrate')
),
-- From PostgreSQL 18 on NOT NULL depends on its column, as a constraint; before that nothing does.
dependencies AS NOT MATERIALIZED (
    SELECT
        d.*
    FROM pg_catalog.pg_depend AS d
    WHERE d.refobjid :among
        AND (
            d.classid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass
            OR (SELECT k.contype FROM pg_catalog.pg_constraint AS k WHERE k.oid = d.objid) IS DISTINCT FROM 'n'
        )
)
SELECT
    d.refobjid::bigint AS referenced,
    d.classid::bigint AS class,
    d.objid::bigint AS object,
    d.objsubid AS part,
    'column ' || n.prefix || pg_catalog.quote_ident(c.relname) || '.' || pg_catalog.quote_ident(a.attname) AS key
FROM dependencies AS d
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND c.oid :among AND c.relkind IN ('r', 'p', 'f')
JOIN namespaces AS n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjsubid > 0

UNION ALL
SELECT
    d.refobjid::bigint,
    d.classid::bigint,
    d.objid::bigint,
    d.objsubid,
    CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized_view ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END
        || n.prefix || pg_catalog.quote_ident(c.relname)
FROM dependencies AS d
JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND c.oid :among AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
JOIN namespaces AS n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjsubid = 0

UNION ALL
SELECT
    d.refobjid::bigint,
    d.classid::bigint,
    d.objid::bigint,
    d.objsubid,
    CASE p.prokind WHEN 'a' THEN 'aggregate ' WHEN 'p' THEN 'procedure ' ELSE 'function ' END
        || n.prefix || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')'
FROM dependencies AS d
JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid AND p.oid :among
JOIN namespaces AS n ON n.oid = p.pronamespace
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass

UNION ALL
SELECT
    d.refobjid::bigint,
    d.classid::bigint,
    d.objid::bigint,
    d.objsubid,
    'type ' || n.prefix || pg_catalog.quote_ident(t.typname)
FROM dependencies AS d
JOIN pg_catalog.pg_type AS t ON t.oid = d.refobjid AND t.oid :among AND t.typtype IN ('e', 'd', 'r')
JOIN namespaces AS n ON n.oid = t.typnamespace
WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
