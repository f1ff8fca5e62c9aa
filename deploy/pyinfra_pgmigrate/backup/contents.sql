-- Counts and hashes the rows of every table, one line a table. Changes nothing; the caller has the
-- transaction, or has each table read in one of its own. Variables: application_name, known (JSON: the columns that count
-- by table, null for all that it has, and no other table; empty: all columns of all tables), a_transaction_each (true or
-- false), is_checked, reading_check and
-- reading_locked (see psql/reading.sql).
--
-- The hash of a table is the sum of the 64-bit hashes of its rows: it does not depend on their order, and
-- no two rows cancel each other out. What hash_record_extended gives is a sum over the columns itself
-- (each times a power of 31): summed as it is, it would not see values that change places between rows
-- (measured), so it is hashed once more. A column is hashed by its type's own function where values hash to
-- the same on PostgreSQL 15 to 18 and after a restore (measured for each type of the list); all others,
-- enums and types that hold an OID among them, as text: with a cast where type and cast are PostgreSQL's own, else from
-- the output function, as whoever made a type may make its casts. Left out: foreign tables, materialized views
-- (their rows follow from others) and whatever belongs to an extension.
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET xmlbinary = 'base64';
SET lc_monetary = 'C';
SET max_parallel_workers_per_gather = 2;
-- A plan evaluates constraints, too, where that is on.
SET constraint_exclusion = off;
SELECT :'is_checked'::boolean AND NOT :'a_transaction_each'::boolean AS checks_all \gset
\if :checks_all
SELECT
    pg_catalog.replace(:'reading_check', 'TABLES', COALESCE(pg_catalog.array_agg(c.oid), '{}')::text),
    pg_catalog.replace(:'reading_locked', 'TABLES', COALESCE(pg_catalog.array_agg(c.oid), '{}')::text)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
    AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema'
\gexec
\endif
\o
WITH tables AS (
    SELECT
        c.oid,
        c.relispartition AS is_partition,
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS ident
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'
        AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND d.objid = c.oid
                AND d.deptype = 'e'
        )
),
columns AS (
    SELECT
        t.ident,
        t.oid,
        pg_catalog.string_agg(
            CASE
                WHEN a.attname IS NULL THEN NULL
                WHEN k.is_hashed AND NOT (k.is_text AND NOT COALESCE(l.collisdeterministic, true))
                    THEN pg_catalog.format('t.%I', a.attname)
                WHEN k.is_own THEN pg_catalog.format(
                    'CASE WHEN t.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$I) COLLATE "C" END', a.attname
                )
                ELSE pg_catalog.format('t.%I::text COLLATE "C"', a.attname)
            END,
            -- Columns that came to a table from what it inherits from stand elsewhere after a restore; those of all other
            -- tables, partitions among them, stand where they stood.
            ', ' ORDER BY CASE WHEN h.is_child THEN a.attname END COLLATE "C", a.attnum
        ) AS list
    FROM tables AS t
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.oid AND NOT t.is_partition) AS is_child
    ) AS h
    LEFT JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = t.oid
        AND a.attnum > 0
        AND NOT a.attisdropped
        AND (
            NULLIF(:'known', '') IS NULL
            OR pg_catalog.jsonb_typeof(NULLIF(:'known', '')::jsonb -> t.ident) = 'null'
            OR NULLIF(:'known', '')::jsonb -> t.ident ? pg_catalog.quote_ident(a.attname)
        )
    LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
    LEFT JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
    LEFT JOIN LATERAL (
        WITH RECURSIVE bases AS (
            SELECT y.oid, y.typtype, y.typbasetype
            UNION ALL
            SELECT u.oid, u.typtype, u.typbasetype
            FROM bases AS v
            JOIN pg_catalog.pg_type AS u ON u.oid = v.typbasetype
            WHERE v.typtype = 'd'
        )
        SELECT v.oid FROM bases AS v WHERE v.typtype <> 'd'
    ) AS b ON y.oid >= 16384
    CROSS JOIN LATERAL (
        SELECT
            y.typcategory = 'S' AS is_text,
            -- Of somebody's own, or a domain over such a type.
            b.oid >= 16384 AS is_own,
            a.atttypid IN (
                SELECT w.name::pg_catalog.regtype
                FROM (VALUES
                    ('int2'), ('int4'), ('int8'), ('text'), ('varchar'), ('bpchar'), ('uuid'), ('bool'), ('date'),
                    ('timestamp'), ('timestamptz'), ('numeric'), ('float4'), ('float8'), ('bytea'), ('jsonb'),
                    ('inet'), ('interval'), ('time'), ('int4[]'), ('int8[]'), ('text[]'), ('uuid[]'), ('jsonb[]'),
                    ('int4range'), ('int8range'), ('numrange'), ('daterange'), ('tsrange'), ('tstzrange')
                ) AS w (name)
            ) AS is_hashed
    ) AS k
    WHERE NULLIF(:'known', '') IS NULL
        OR NULLIF(:'known', '')::jsonb ? t.ident
    GROUP BY t.ident, t.oid
)
SELECT
    -- Each column of the result is a statement of its own; none where it is null.
    pg_catalog.format('SET application_name = %L', pg_catalog.left(:'application_name' || ' ' || c.ident, 63)) AS say,
    CASE WHEN g.is_locked THEN 'BEGIN' END AS begins,
    CASE WHEN g.is_locked AND NOT pg_catalog.pg_is_in_recovery() THEN
        'LOCK TABLE ONLY ' || c.ident || ' IN SHARE UPDATE EXCLUSIVE MODE'
    END AS locks,
    CASE WHEN g.is_locked THEN pg_catalog.replace(:'reading_check', 'TABLES', ARRAY[c.oid]::text) END AS checks,
    pg_catalog.format(
        'SELECT ''##pgmigrate table '' || pg_catalog.translate(pg_catalog.encode(pg_catalog.convert_to('
        'pg_catalog.json_build_array(%L::text, h.n, h.hash)::text, ''UTF8''), ''base64''), E''\n'', '''')'
        ' FROM (SELECT count(*) AS n, COALESCE(sum(%s), 0)::text AS hash FROM ONLY %s AS t) AS h',
        c.ident,
        CASE
            WHEN c.list IS NULL THEN '0'
            ELSE 'pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(' || c.list || '), 0), 0)'
        END,
        c.ident
    ) AS hash,
    CASE WHEN g.is_locked THEN 'COMMIT' END AS ends
FROM columns AS c
CROSS JOIN (SELECT :'is_checked'::boolean AND :'a_transaction_each'::boolean AS is_locked) AS g
-- The large ones first: they are what one waits for.
ORDER BY pg_catalog.pg_relation_size(c.oid) DESC, c.ident
\gexec
\o /dev/null
SET application_name = :'application_name';
