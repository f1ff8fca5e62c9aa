-- Names of what is in a scratch database, so that what has another one than before can get it back: identity, in which
-- order they get it, the beginning of the statement that renames, name, and schema and the beginning of the statement
-- that moves it, where it has one. What a partition or child has from its parent is called as that is.
WITH namespaces AS MATERIALIZED (
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        AND n.nspname !~ '^pg_(temp|toast_temp)_'
),
relations AS MATERIALIZED (
    SELECT
        c.oid,
        c.relkind,
        c.relname,
        c.relispartition,
        n.nspname,
        pg_catalog.format('%I.%I', n.nspname, c.relname) AS ident
    FROM pg_catalog.pg_class AS c
    JOIN namespaces AS n ON n.oid = c.relnamespace
    WHERE c.relkind <> 't'
)
SELECT
    'schema ' || n.oid AS identity,
    1 AS place,
    pg_catalog.format('ALTER SCHEMA %I', n.nspname) AS head,
    n.nspname::text AS name,
    NULL::text AS schema
FROM namespaces AS n

UNION ALL
SELECT
    'relation ' || r.oid,
    2,
    CASE r.relkind
        WHEN 'v' THEN 'ALTER VIEW '
        WHEN 'm' THEN 'ALTER MATERIALIZED VIEW '
        WHEN 'S' THEN 'ALTER SEQUENCE '
        WHEN 'i' THEN 'ALTER INDEX '
        WHEN 'I' THEN 'ALTER INDEX '
        WHEN 'f' THEN 'ALTER FOREIGN TABLE '
        WHEN 'c' THEN 'ALTER TYPE '
        ELSE 'ALTER TABLE '
    END || r.ident,
    r.relname,
    CASE WHEN r.relkind NOT IN ('i', 'I') THEN r.nspname END
FROM relations AS r

UNION ALL
SELECT
    'type ' || t.oid,
    3,
    pg_catalog.format(CASE t.typtype WHEN 'd' THEN 'ALTER DOMAIN %I.%I' ELSE 'ALTER TYPE %I.%I' END, n.nspname, t.typname),
    t.typname,
    n.nspname
FROM pg_catalog.pg_type AS t
JOIN namespaces AS n ON n.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e', 'r')

UNION ALL
SELECT
    'function ' || p.oid,
    4,
    CASE p.prokind WHEN 'a' THEN 'ALTER AGGREGATE ' WHEN 'p' THEN 'ALTER PROCEDURE ' ELSE 'ALTER FUNCTION ' END
        || pg_catalog.format('%I.%I', n.nspname, p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
    p.proname,
    n.nspname
FROM pg_catalog.pg_proc AS p
JOIN namespaces AS n ON n.oid = p.pronamespace
WHERE NOT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_proc'::regclass
        AND d.objid = p.oid
        AND d.deptype = 'i'
)

UNION ALL
SELECT
    pg_catalog.format('column %s %s', r.oid, a.attnum),
    5,
    pg_catalog.format(CASE r.relkind
        WHEN 'v' THEN 'ALTER VIEW %s RENAME COLUMN %I'
        WHEN 'm' THEN 'ALTER MATERIALIZED VIEW %s RENAME COLUMN %I'
        WHEN 'c' THEN 'ALTER TYPE %s RENAME ATTRIBUTE %I'
        ELSE 'ALTER TABLE %s RENAME COLUMN %I'
    END, r.ident, a.attname),
    a.attname,
    NULL
FROM relations AS r
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    AND a.attinhcount = 0

UNION ALL
SELECT
    'constraint ' || k.oid,
    6,
    pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I', r.ident, k.conname),
    k.conname,
    NULL
FROM pg_catalog.pg_constraint AS k
JOIN relations AS r ON r.oid = k.conrelid
WHERE k.conparentid = 0
    AND k.coninhcount = 0
    AND k.contype IN ('c', 'f', 'p', 'u', 'x')

UNION ALL
SELECT
    'trigger ' || t.oid,
    7,
    pg_catalog.format('ALTER TRIGGER %I ON %s', t.tgname, r.ident),
    t.tgname,
    NULL
FROM pg_catalog.pg_trigger AS t
JOIN relations AS r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal
    AND t.tgparentid = 0

UNION ALL
SELECT
    'policy ' || p.oid,
    8,
    pg_catalog.format('ALTER POLICY %I ON %s', p.polname, r.ident),
    p.polname,
    NULL
FROM pg_catalog.pg_policy AS p
JOIN relations AS r ON r.oid = p.polrelid

UNION ALL
SELECT
    'statistics ' || s.oid,
    9,
    pg_catalog.format('ALTER STATISTICS %I.%I', n.nspname, s.stxname),
    s.stxname,
    n.nspname
FROM pg_catalog.pg_statistic_ext AS s
JOIN namespaces AS n ON n.oid = s.stxnamespace
ORDER BY place, identity
