-- Prints the key and a hash of each row of some tables, for explain.sh: "number:key", a tab, the hash. The key is a
-- JSON array, so that it is one word in one line; rows of a table without one are numbered among their equals.
-- Variables: tables (JSON: [[number, name, columns, columns of the key], ...], quoted as SQL would need them), is_checked
-- and reading_check (see psql/reading.sql).
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET xmlbinary = 'base64';
SET lc_monetary = 'C';
SET constraint_exclusion = off;
\pset fieldsep '\t'
\o
SELECT
    -- Each column of the result is a statement of its own; none where it is null.
    CASE WHEN :'is_checked'::boolean THEN 'BEGIN' END AS begins,
    CASE WHEN :'is_checked'::boolean AND NOT pg_catalog.pg_is_in_recovery() THEN
        'LOCK TABLE ONLY ' || l.ident || ' IN SHARE UPDATE EXCLUSIVE MODE'
    END AS locks,
    CASE WHEN :'is_checked'::boolean THEN
        pg_catalog.replace(:'reading_check', 'TABLES', ARRAY[pg_catalog.to_regclass(l.ident)::oid]::text)
    END AS checks,
    CASE
        WHEN l.keys IS NULL THEN pg_catalog.format(
            'SELECT %L || pg_catalog.json_build_array(h.hash, row_number() OVER (PARTITION BY h.hash))::text, h.hash'
            ' FROM (SELECT %s AS hash FROM ONLY %s AS t) AS h',
            l.number, l.hash, l.ident
        )
        ELSE pg_catalog.format(
            'SELECT %L || pg_catalog.json_build_array(%s)::text, %s FROM ONLY %s AS t',
            l.number, l.keys, l.hash, l.ident
        )
    END AS reads,
    CASE WHEN :'is_checked'::boolean THEN 'COMMIT' END AS ends
FROM pg_catalog.jsonb_array_elements(:'tables'::jsonb) AS v (value)
CROSS JOIN LATERAL (
    SELECT
        (v.value ->> 0) || ':' AS number,
        v.value ->> 1 AS ident,
        pg_catalog.format(
            'pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to('
            'ROW(%s)::text, ''UTF8'')), ''hex''), 32)',
            (
                SELECT pg_catalog.string_agg(x.text, ', ' ORDER BY c.place)
                FROM pg_catalog.jsonb_array_elements_text(v.value -> 2) WITH ORDINALITY AS c (name, place)
                -- Not with a cast: whoever made the type may have made that, too.
                CROSS JOIN LATERAL (
                    SELECT pg_catalog.format(
                        'CASE WHEN t.%1$s IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$s) END', c.name
                    ) AS text
                ) AS x
            )
        ) AS hash,
        (
            SELECT pg_catalog.string_agg(x.text, ', ' ORDER BY k.place)
            FROM pg_catalog.jsonb_array_elements_text(v.value -> 3) WITH ORDINALITY AS k (name, place)
            -- Not with a cast: whoever made the type may have made that, too.
            CROSS JOIN LATERAL (
                SELECT pg_catalog.format(
                    'CASE WHEN t.%1$s IS DISTINCT FROM NULL THEN pg_catalog.format(''%%s'', t.%1$s) END', k.name
                ) AS text
            ) AS x
        ) AS keys
) AS l
\gexec
