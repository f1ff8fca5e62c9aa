-- In a copy: moves one table, with its indexes and the sequences that it owns, into a schema of its own. What would call
-- functions that others left when its rows come into the database, where the connection copies them, stays behind: checks,
-- domains whose checks call such functions (their columns get the type below), and expressions of generated columns,
-- which keep their values.
-- Variables: table_schema, table_name, side.
-- Nothing of the copy needs its views any more, and a column that one reads keeps its type.
SELECT pg_catalog.format(
    'DROP %s IF EXISTS %I.%I CASCADE',
    CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,
    n.nspname,
    c.relname
)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
    AND c.oid >= 16384
    AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = c.tableoid
            AND d.objid = c.oid
            AND d.deptype = 'e'
    )
\gexec
CREATE SCHEMA :"side";
ALTER TABLE :"table_schema".:"table_name" SET SCHEMA :"side";
SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::pg_catalog.regclass, k.conname)
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'side'
    AND k.contype = 'c'
\gexec
SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', a.attrelid::pg_catalog.regclass, a.attname)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :'side'
    AND a.attgenerated = 's'
    AND NOT a.attisdropped
\gexec
WITH RECURSIVE columns AS (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = :'side'
        AND c.relkind = 'r'
        AND a.attnum > 0
        AND NOT a.attisdropped
),
-- The type below a domain, through all domains.
below AS (
    SELECT o.attrelid, o.attnum, o.atttypid AS type, -1 AS modifier, 0 AS depth
    FROM columns AS o

    UNION ALL
    SELECT b.attrelid, b.attnum, t.typbasetype, t.typtypmod, b.depth + 1
    FROM below AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type
    WHERE t.typtype = 'd'
),
lowest AS (
    SELECT DISTINCT ON (b.attrelid, b.attnum) b.attrelid, b.attnum, b.type, b.modifier, b.depth
    FROM below AS b
    ORDER BY b.attrelid, b.attnum, b.depth DESC
),
-- All types of which values of that type are made.
parts AS (
    SELECT l.attrelid, l.attnum, l.type
    FROM lowest AS l

    UNION
    SELECT p.attrelid, p.attnum, i.type
    FROM parts AS p
    JOIN pg_catalog.pg_type AS t ON t.oid = p.type
    CROSS JOIN LATERAL (
        SELECT t.typelem
        WHERE t.typelem <> 0

        UNION ALL
        SELECT t.typbasetype
        WHERE t.typtype = 'd'

        UNION ALL
        SELECT f.atttypid
        FROM pg_catalog.pg_attribute AS f
        WHERE f.attrelid = t.typrelid
            AND t.typtype = 'c'
            AND f.attnum > 0
            AND NOT f.attisdropped

        UNION ALL
        SELECT r.rngsubtype
        FROM pg_catalog.pg_range AS r
        WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    ) AS i (type)
),
calling (type) AS (
    SELECT k.contypid
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_depend AS d ON d.classid = k.tableoid AND d.objid = k.oid
    WHERE k.contypid <> 0
        AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
        AND d.refobjid >= 16384
),
changed AS (
    SELECT
        o.attrelid,
        o.attnum,
        o.attname,
        CASE WHEN i.calls THEN 'pg_catalog.text' ELSE pg_catalog.format_type(l.type, l.modifier) END AS type
    FROM columns AS o
    JOIN lowest AS l ON l.attrelid = o.attrelid AND l.attnum = o.attnum
    CROSS JOIN LATERAL (
        SELECT
            EXISTS (
                SELECT 1
                FROM parts AS p
                JOIN calling AS c ON c.type = p.type
                WHERE p.attrelid = o.attrelid
                    AND p.attnum = o.attnum
            ),
            EXISTS (
                SELECT 1
                FROM below AS b
                JOIN calling AS c ON c.type = b.type
                WHERE b.attrelid = o.attrelid
                    AND b.attnum = o.attnum
            )
    ) AS i (calls, is_calling)
    WHERE i.calls
        OR i.is_calling
)
SELECT
    pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', g.attrelid::pg_catalog.regclass, g.attname),
    pg_catalog.format(
        'ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %I::%s',
        g.attrelid::pg_catalog.regclass, g.attname, g.type, g.attname, g.type
    )
FROM changed AS g
ORDER BY g.attrelid, g.attnum
\gexec
