-- Reads the catalog after the statements of a step into the setting AFTER, as pgmigrate_read does: all of it, or of
-- what the step wrote and of what names that (see touched.sql); the lines of all else are those before. Variables: before,
-- after, in_parts, in_transaction, written (rows of catalogs that the transaction had written before its statements;
-- empty: not counted), is_last_of_run, owning, homely, known_counts, known_named, known_elsewhere. Leaves is_stale, fresh
-- and gone for catalog_keys.sql, and needs_fingerprint: the fingerprint is still to be kept.
SELECT
    :'written' AS written_before,
    :'in_transaction'::boolean AND :'in_parts'::boolean AS reads_parts \gset
EXECUTE pgmigrate_written \gset
SELECT
    COALESCE(:'in_transaction'::boolean AND NULLIF(:'written_before', '') = :'written', false) AS is_untouched,
    :'is_last_of_run' AS needs_fingerprint \gset
\if :is_untouched
-- Nothing was written to any catalog.
SELECT
    pg_catalog.set_config(:'after', pg_catalog.current_setting(:'before'), false),
    pg_catalog.set_config(:'after' || '_identities', pg_catalog.current_setting(:'before' || '_identities'), false),
    pg_catalog.set_config(:'after' || '_homes', pg_catalog.current_setting(:'before' || '_homes'), false),
    pg_catalog.set_config(:'after' || '_fingerprint', '', false);
\else
\if :reads_parts
EXECUTE pgmigrate_touched(-1, '{}', '{}', :'after' || '_asked') \gset touched_
WITH others AS MATERIALIZED (
    SELECT o.key::bigint AS class, o.value::bigint AS rows
    FROM pg_catalog.json_each_text(:'touched_others'::json) AS o
),
-- Rows that were there and have been rewritten.
known AS MATERIALIZED (
    SELECT pg_catalog.split_part(f.key, ':', 1)::bigint AS class, count(*) AS rows
    FROM pg_catalog.unnest(:'touched_fresh'::text[]) AS f (key)
    JOIN pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_keys')::text[]) AS k (key) ON k.key = f.key
    GROUP BY 1
),
lacking AS MATERIALIZED (
    SELECT c.class
    FROM pg_catalog.unnest(:'owning'::bigint[]) AS c (class)
    WHERE COALESCE((SELECT o.rows FROM others AS o WHERE o.class = c.class), 0)
        <> COALESCE((:'known_counts'::jsonb ->> c.class::text)::bigint, 0)
            - COALESCE((SELECT k.rows FROM known AS k WHERE k.class = c.class), 0)
)
SELECT
    NOT (
        :'touched_is_whole'::boolean
        OR :'touched_elsewhere' <> :'known_elsewhere'
        OR :'known_named'::jsonb <> (
            SELECT COALESCE(pg_catalog.jsonb_object_agg(o.class, o.rows::text), '{}')
            FROM others AS o
            WHERE o.class < 4294967296
                AND o.class <> ALL (:'owning'::bigint[])
        )
    ) AS reads_parts,
    ARRAY(SELECT l.class FROM lacking AS l)::text AS lacking,
    EXISTS (SELECT 1 FROM lacking) AS is_lacking,
    :'touched_fresh' AS fresh,
    '{}' AS gone,
    '{}' AS vanished \gset
\endif
\if :reads_parts
\if :is_lacking
EXECUTE pgmigrate_touched(-1, '{}', :'lacking', :'after' || '_asked') \gset touched_
WITH gone AS MATERIALIZED (
    SELECT
        g.key,
        pg_catalog.split_part(g.key, ':', 1)::oid AS class,
        pg_catalog.split_part(g.key, ':', 2)::oid AS object,
        pg_catalog.split_part(g.key, ':', 3)::bigint AS part
    FROM (
        SELECT k.key
        FROM pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_keys')::text[]) AS k (key)
        WHERE pg_catalog.split_part(k.key, ':', 1)::oid = ANY (:'lacking'::oid[])
        EXCEPT
        SELECT pg_catalog.unnest(pg_catalog.current_setting(:'after' || '_asked')::text[])
    ) AS g
),
homes AS MATERIALIZED (
    SELECT DISTINCT
        pg_catalog.split_part(b.identity, ':', 1)::oid AS class,
        pg_catalog.split_part(b.identity, ':', 2)::oid AS object,
        b.home
    FROM ROWS FROM (
        pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_identities')::text[]),
        pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_homes')::oid[])
    ) AS b (identity, home)
    WHERE EXISTS (SELECT 1 FROM gone)
),
-- To what a row belonged that is no more: of a comment, to what its object belongs to.
belonging AS MATERIALIZED (
    SELECT
        CASE
            WHEN g.class = 'pg_catalog.pg_description'::pg_catalog.regclass THEN (g.part % 4294967296)::oid
            WHEN g.class = 'pg_catalog.pg_depend'::pg_catalog.regclass THEN 'pg_catalog.pg_class'::pg_catalog.regclass::oid
            ELSE g.class
        END AS class,
        g.object
    FROM gone AS g
    WHERE g.class <> 'pg_catalog.pg_inherits'::pg_catalog.regclass
)
SELECT
    ARRAY(SELECT g.key FROM gone AS g)::text AS gone,
    ARRAY(SELECT g.object FROM gone AS g WHERE g.class = ANY (:'homely'::oid[]))::text AS vanished,
    ARRAY(
        SELECT b.object FROM belonging AS b WHERE b.class = ANY (:'homely'::oid[])
        UNION
        SELECT h.home
        FROM belonging AS b
        JOIN homes AS h ON h.class = b.class AND h.object = b.object
        WHERE b.class <> ALL (:'homely'::oid[])
        UNION
        SELECT o.object
        FROM gone AS g
        CROSS JOIN LATERAL (VALUES (g.object), (g.part::oid)) AS o (object)
        WHERE g.class = 'pg_catalog.pg_inherits'::pg_catalog.regclass
    )::text AS gone_homes,
    NOT EXISTS (
        SELECT 1
        FROM gone AS g
        WHERE g.class = 'pg_catalog.pg_depend'::pg_catalog.regclass
            AND g.part % 4294967296 = 1
    ) AS reads_parts \gset
\if :reads_parts
EXECUTE pgmigrate_touched(-1, :'gone_homes', '{}', :'after' || '_asked') \gset touched_
\endif
\endif
\endif
\if :reads_parts
EXECUTE pgmigrate_read(:'after', false, :'touched_objects'::oid[] || :'vanished'::oid[] || 0::oid, :'before');
\else
EXECUTE pgmigrate_read(:'after', :is_last_of_run, NULL, NULL);
\set is_stale true
\set needs_fingerprint false
\endif
\endif
