-- Prints, for psql of a copy of the structure, rows of every table as COPY: all of a small one, some of a large one, and
-- of each what it references. Changes nothing. Runs on any database by itself: no session of ours comes before it.
-- Variables: rows (of a large table), bytes (up to which a table is small), summary (file for one line a table: sampled or
-- whole, its name, rows that are taken, rows that it has about).
SET search_path = pg_catalog, pg_temp;
SET client_min_messages = warning;
SET DateStyle = ISO;
SET IntervalStyle = postgres;
SET extra_float_digits = 3;
SET bytea_output = hex;
SET statement_timeout = 0;
-- Rather an error than the function of a policy.
SET row_security = off;
-- What is looked up is found by its key, however large its table is.
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SET constraint_exclusion = off;
SET lock_timeout = '10s';
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
:reading_locks
\if :is_checked
SELECT
    pg_catalog.replace(:'reading_check', 'TABLES', COALESCE(pg_catalog.array_agg(c.oid), '{}')::text),
    pg_catalog.replace(:'reading_locked', 'TABLES', COALESCE(pg_catalog.array_agg(c.oid), '{}')::text)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
    AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema'
\gexec
\endif
SELECT pg_catalog.set_config('pgmigrate.sample_rows', :'rows', true) AS ignored \gset
SELECT pg_catalog.set_config('pgmigrate.sample_bytes', :'bytes', true) AS ignored \gset
SELECT pg_catalog.set_config('pgmigrate.sampled', '{}', true) AS ignored \gset
DO $sample$
DECLARE
    one record;
    found tid[];
    had integer;
    grows boolean := true;
    rounds integer := 0;
    parents record;
BEGIN
    FOR one IN
        SELECT
            c.oid,
            pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
            s.bytes <= pg_catalog.current_setting('pgmigrate.sample_bytes')::bigint AS is_small,
            -- Each page is taken or not by chance: so many more than hold the rows that about one in a million
            -- samples has too few.
            LEAST(100, 100 * (p.needed + 8 * pg_catalog.sqrt(p.needed)) / s.pages) AS percent,
            r.most
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
            SELECT
                pg_catalog.pg_table_size(c.oid) AS bytes,
                GREATEST(pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint, 1)::numeric
                    AS pages,
                c.reltuples::numeric AS analyzed
        ) AS b
        CROSS JOIN LATERAL (
            -- Of a table that was never analyzed nobody knows: ten rows a page, as a guess.
            SELECT b.bytes, b.pages, CASE WHEN b.analyzed > 0 THEN b.analyzed ELSE 10 * b.pages END AS row_count
        ) AS s
        CROSS JOIN LATERAL (
            -- Some 64 MiB of a table at most.
            SELECT GREATEST(1, LEAST(
                pg_catalog.current_setting('pgmigrate.sample_rows')::numeric, 67108864 * s.row_count / GREATEST(s.bytes, 1)
            ))::integer AS most
        ) AS r
        CROSS JOIN LATERAL (
            SELECT 1 + r.most / GREATEST(s.row_count / s.pages, 0.01) AS needed
        ) AS p
        WHERE c.relkind = 'r'
            AND c.relpersistence <> 't'
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgmigrate')
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid
                    AND d.deptype = 'e'
            )
    LOOP
        IF one.is_small THEN
            EXECUTE pg_catalog.format('SELECT pg_catalog.array_agg(t.ctid) FROM ONLY %s AS t', one.name) INTO found;
        ELSE
            EXECUTE pg_catalog.format(
                'SELECT pg_catalog.array_agg(s.ctid) FROM (SELECT t.ctid FROM ONLY %s AS t TABLESAMPLE SYSTEM (%s) '
                'ORDER BY pg_catalog.random() LIMIT %s) AS s',
                one.name, one.percent, one.most
            ) INTO found;
        END IF;
        PERFORM pg_catalog.set_config('pgmigrate.sample_' || one.oid, COALESCE(found, '{}')::text, true);
        PERFORM pg_catalog.set_config('pgmigrate.sampled', pg_catalog.array_append(
            pg_catalog.current_setting('pgmigrate.sampled')::oid[], one.oid
        )::text, true);
    END LOOP;
    -- What rows reference comes with them, and what that references.
    WHILE grows LOOP
        grows := false;
        rounds := rounds + 1;
        IF rounds > 100 THEN
            RAISE EXCEPTION 'rows reference others, and these others, more than 100 times over';
        END IF;
        FOR one IN
            SELECT
                pg_catalog.format('%I.%I', cn.nspname, c.relname) AS child,
                pg_catalog.format('%I.%I', pn.nspname, p.relname) AS parent,
                f.conrelid,
                k.columns,
                k.joined
            FROM pg_catalog.pg_constraint AS f
            JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
            JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
            JOIN pg_catalog.pg_class AS p ON p.oid = f.confrelid
            JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
            CROSS JOIN LATERAL (
                SELECT
                    pg_catalog.string_agg(pg_catalog.format('c.%I AS k%s', ca.attname, i.place), ', ') AS columns,
                    pg_catalog.string_agg(
                        pg_catalog.format('p.%I OPERATOR(%I.%s) k.k%s', pa.attname, opn.nspname, o.oprname, i.place), ' AND '
                    ) AS joined
                FROM ROWS FROM (
                    pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey), pg_catalog.unnest(f.conpfeqop)
                ) WITH ORDINALITY AS i (own, other, equal, place)
                JOIN pg_catalog.pg_attribute AS ca ON ca.attrelid = f.conrelid AND ca.attnum = i.own
                JOIN pg_catalog.pg_attribute AS pa ON pa.attrelid = f.confrelid AND pa.attnum = i.other
                JOIN pg_catalog.pg_operator AS o ON o.oid = i.equal
                JOIN pg_catalog.pg_namespace AS opn ON opn.oid = o.oprnamespace
            ) AS k
            WHERE f.contype = 'f'
                AND c.relkind = 'r'
                AND f.conrelid = ANY (pg_catalog.current_setting('pgmigrate.sampled')::oid[])
                AND pg_catalog.current_setting('pgmigrate.sample_' || f.conrelid) <> '{}'
        LOOP
            FOR parents IN EXECUTE pg_catalog.format(
                'SELECT p.tableoid, pg_catalog.array_agg(DISTINCT p.ctid) AS rows FROM (SELECT %s FROM ONLY %s AS c '
                'WHERE c.ctid = ANY (pg_catalog.current_setting(%L)::tid[])) AS k JOIN %s AS p ON %s GROUP BY p.tableoid',
                one.columns, one.child, 'pgmigrate.sample_' || one.conrelid, one.parent, one.joined
            ) LOOP
                found := pg_catalog.current_setting('pgmigrate.sample_' || parents.tableoid)::tid[];
                had := pg_catalog.cardinality(found);
                SELECT pg_catalog.array_agg(DISTINCT u.one)
                INTO found
                FROM pg_catalog.unnest(found || parents.rows) AS u (one);
                IF pg_catalog.cardinality(found) > 100000 THEN
                    RAISE EXCEPTION 'too many rows of table % are referenced by those of others, or of its own',
                        parents.tableoid::pg_catalog.regclass;
                END IF;
                IF pg_catalog.cardinality(found) > had THEN
                    grows := true;
                    PERFORM pg_catalog.set_config('pgmigrate.sample_' || parents.tableoid, found::text, true);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END
$sample$;
WITH chosen AS (
    SELECT
        pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
        'pgmigrate.sample_' || c.oid AS kept,
        (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ) AS columns
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = ANY (pg_catalog.current_setting('pgmigrate.sampled')::oid[])
)
SELECT s.statement
FROM chosen AS c
CROSS JOIN LATERAL (
    VALUES
        (1, pg_catalog.format('SELECT %L', pg_catalog.format('COPY %s (%s) FROM stdin;', c.name, c.columns))),
        (2, pg_catalog.format(
            'COPY (SELECT %s FROM ONLY %s WHERE ctid = ANY (pg_catalog.current_setting(%L)::tid[])) TO STDOUT',
            c.columns, c.name, c.kept
        )),
        (3, $$SELECT E'\\.'$$)
) AS s (place, statement)
WHERE c.columns IS NOT NULL AND pg_catalog.current_setting(c.kept) <> '{}'
ORDER BY c.name, s.place
\gexec
-- Numbers that are drawn on the copy must not be there yet.
SELECT pg_catalog.format(
    'SELECT pg_catalog.setval(%L, %s, true);', pg_catalog.format('%I.%I', s.schemaname, s.sequencename), s.last_value
)
FROM pg_catalog.pg_sequences AS s
WHERE s.last_value IS NOT NULL AND s.schemaname <> 'pgmigrate';
\o :summary
SELECT
    CASE
        WHEN pg_catalog.pg_table_size(c.oid) <= :'bytes'::bigint THEN 'whole'
        ELSE 'sampled'
    END,
    pg_catalog.replace(pg_catalog.format('%I.%I', n.nspname, c.relname), E'\n', ' '),
    pg_catalog.cardinality(pg_catalog.current_setting('pgmigrate.sample_' || c.oid)::tid[]),
    GREATEST(c.reltuples, 0)::bigint
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (pg_catalog.current_setting('pgmigrate.sampled')::oid[])
ORDER BY n.nspname, c.relname;
\o
ROLLBACK;
