-- Counts and hashes the rows of every table, one line a table. Changes nothing; the caller has the
-- transaction. Variables: application_name, known (JSON: the columns that count by table, null for all that it
-- has, and no other table; empty: all columns of all tables).
--
-- The hash of a table is the sum of the 64-bit hashes of its rows: it does not depend on their order, and
-- no two rows cancel each other out. What hash_record_extended gives is a sum over the columns itself
-- (each times a power of 31): summed as it is, it would not see values that change places between rows
-- (measured), so it is hashed once more. A column is hashed by its type's own function where values hash to
-- the same on PostgreSQL 15 to 18 and after a restore (measured for each type of the list); all others,
-- enums and types that hold an OID among them, as text. Left out: foreign tables, materialized views
-- (their rows follow from others) and whatever belongs to an extension.
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET xmlbinary = 'base64';
SET lc_monetary = 'C';
SET max_parallel_workers_per_gather = 2;
\o
WITH tables AS (
    SELECT
        c.oid,
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
                WHEN k.is_text AND NOT COALESCE(l.collisdeterministic, true)
                    THEN pg_catalog.format('t.%I::text COLLATE "C"', a.attname)
                WHEN k.is_hashed THEN pg_catalog.format('t.%I', a.attname)
                ELSE pg_catalog.format('t.%I::text COLLATE "C"', a.attname)
            END,
            ', ' ORDER BY a.attnum
        ) AS list
    FROM tables AS t
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
    CROSS JOIN LATERAL (
        SELECT
            y.typcategory = 'S' AS is_text,
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
    -- Each column of the result is a statement of its own.
    pg_catalog.format('SET application_name = %L', pg_catalog.left(:'application_name' || ' ' || c.ident, 63)) AS say,
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
    ) AS hash
FROM columns AS c
-- The large ones first: they are what one waits for.
ORDER BY pg_catalog.pg_relation_size(c.oid) DESC, c.ident
\gexec
\o /dev/null
SET application_name = :'application_name';
