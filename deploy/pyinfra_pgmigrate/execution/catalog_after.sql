-- Reads the catalog after the statements of a step: all of it, into the setting AFTER, as pgmigrate_read does; or, as
-- pgmigrate_part does, into AFTER_part what the step wrote and what names that (see touched.sql), and what those lines were
-- into BEFORE_part: all others are as before. Variables: before, after, in_parts, in_transaction, written (rows of catalogs
-- that the transaction had written before its statements; empty: not counted), is_last_of_run, owning, homely,
-- known_counts, known_named, known_elsewhere, near, rare_catalogs (array), has_rare (what is rare is read, too). Leaves
-- is_stale, fresh and gone for catalog_keys.sql; reads_parts;
-- compared_before and compared_after (the settings of either kind); part (array: to what the lines of the part belong);
-- and needs_fingerprint: the fingerprint is still to be kept.
SELECT
    :'written' AS written_before,
    :'in_transaction'::boolean AND :'in_parts'::boolean AS reads_parts \gset
EXECUTE pgmigrate_written \gset
-- The catalogs of which it wrote rows, and of which it deleted some, and how many rows of pg_attribute it wrote; NULL where
-- nobody counts.
SELECT
    COALESCE(:'in_transaction'::boolean AND NULLIF(:'written_before', '') = :'written', false) AS is_untouched,
    CASE WHEN q.is_counted THEN pg_catalog.quote_literal(q.looked_into::text) ELSE 'NULL' END AS looked_into,
    CASE WHEN q.is_counted THEN pg_catalog.quote_literal(q.counted::text) ELSE 'NULL' END AS counted,
    CASE WHEN q.is_counted THEN q.attributes::text ELSE 'NULL' END AS attributes,
    -- What it may have made the first of; see rare.sql.
    NOT (q.is_counted AND :'in_transaction'::boolean)
        OR q.looked_into && :'rare_catalogs'::pg_catalog.regclass[]::oid[]::text[] AS may_be_rare,
    '{}' AS part,
    :'is_last_of_run' AS needs_fingerprint
FROM (
    SELECT
        :'written_before' <> '' AND :'written' <> '' AS is_counted,
        COALESCE(pg_catalog.array_agg(n.key) FILTER (WHERE n.value::text IS DISTINCT FROM b.value::text), '{}') AS looked_into,
        COALESCE(
            pg_catalog.array_agg(n.key) FILTER (WHERE n.value ->> 1 <> COALESCE(b.value ->> 1, '0')), '{}'
        ) AS counted,
        -- Inserted or updated.
        COALESCE(
            sum(
                (n.value ->> 0)::bigint - (n.value ->> 1)::bigint
                    - COALESCE((b.value ->> 0)::bigint - (b.value ->> 1)::bigint, 0)
            ) FILTER (WHERE n.key::oid = 'pg_catalog.pg_attribute'::pg_catalog.regclass),
            0
        ) AS attributes
    FROM pg_catalog.json_each(NULLIF(:'written', '')::json) AS n
    LEFT JOIN pg_catalog.json_each(NULLIF(:'written_before', '')::json) AS b ON b.key = n.key
) AS q \gset
\if :is_untouched
-- Nothing was written to any catalog.
\if :reads_parts
SELECT
    pg_catalog.set_config(s.name || e.ending, '{}', false)
FROM (VALUES (:'before' || '_part'), (:'after' || '_part')) AS s (name)
CROSS JOIN (VALUES (''), ('_identities'), ('_homes')) AS e (ending);
\set fresh {}
\set gone {}
\else
SELECT
    pg_catalog.set_config(:'after', pg_catalog.current_setting(:'before'), false),
    pg_catalog.set_config(:'after' || '_identities', pg_catalog.current_setting(:'before' || '_identities'), false),
    pg_catalog.set_config(:'after' || '_homes', pg_catalog.current_setting(:'before' || '_homes'), false);
\endif
\else
\if :may_be_rare
:prepared_again
\endif
\if :reads_parts
EXECUTE pgmigrate_touched(-1, '{}', '{}', :looked_into, :counted, :attributes, '{}', '{}', :'after' || '_asked') \gset touched_
WITH others AS MATERIALIZED (
    SELECT o.key::bigint AS class, o.value::bigint AS rows
    FROM pg_catalog.json_each_text(:'touched_others'::json) AS o
),
-- Rows that were there and have been rewritten.
known AS MATERIALIZED (
    SELECT pg_catalog.split_part(f.key, ':', 1)::bigint AS class, count(*) AS rows
    FROM pg_catalog.unnest(:'touched_fresh'::text[]) AS f (key)
    JOIN pg_catalog.unnest(CASE
        WHEN :counted::bigint[] = '{}' THEN '{}'
        ELSE pg_catalog.current_setting(:'before' || '_keys')::text[]
    END) AS k (key) ON k.key = f.key
    GROUP BY 1
),
lacking AS MATERIALIZED (
    SELECT c.class
    FROM pg_catalog.unnest(:'owning'::bigint[]) AS c (class)
    WHERE COALESCE(c.class = ANY (:counted::bigint[]), true)
        AND COALESCE((SELECT o.rows FROM others AS o WHERE o.class = c.class), 0)
            <> COALESCE((:'known_counts'::jsonb ->> c.class::text)::bigint, 0)
                - COALESCE((SELECT k.rows FROM known AS k WHERE k.class = c.class), 0)
)
SELECT
    NOT (
        :'touched_is_whole'::boolean
        OR :'touched_elsewhere' <> :'known_elsewhere'
        OR EXISTS (
            SELECT o.class, o.rows
            FROM others AS o
            WHERE o.class < 4294967296
                AND o.class <> ALL (:'owning'::bigint[])
            EXCEPT
            SELECT k.key::bigint, k.value::bigint
            FROM pg_catalog.jsonb_each_text(:'known_named'::jsonb) AS k
        )
        OR EXISTS (
            SELECT k.key::bigint, k.value::bigint
            FROM pg_catalog.jsonb_each_text(:'known_named'::jsonb) AS k
            WHERE COALESCE(k.key::bigint = ANY (:counted::bigint[]), true)
            EXCEPT
            SELECT o.class, o.rows
            FROM others AS o
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
\set written_objects :touched_objects
EXECUTE pgmigrate_touched(-1, '{}', :'lacking', '{}', '{}', NULL, '{}', '{}', :'after' || '_asked') \gset touched_
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
-- What was written is known: asked is what depends on what lost a row.
EXECUTE pgmigrate_touched(
    -1, :'written_objects'::oid[] || :'gone_homes'::oid[], '{}', '{}', '{}', NULL, '{}', '{}', :'after' || '_asked'
) \gset touched_
\endif
\endif
\endif
\if :reads_parts
-- So many are not found quicker one by one.
SELECT pg_catalog.cardinality(:'touched_objects'::oid[]) < 1000 AS reads_parts \gset
\endif
\if :reads_parts
SELECT
    (:'touched_objects'::oid[] || :'vanished'::oid[] || 0::oid)::text AS part,
    -- What is not near may be new, and had no lines.
    :'near' <> '{}' AND CASE
        WHEN n.further = '{}' THEN true
        WHEN pg_catalog.cardinality(n.further) < 20
            THEN NOT n.further && pg_catalog.current_setting(:'before' || '_homes')::oid[]
        ELSE NOT EXISTS (
            SELECT pg_catalog.unnest(n.further)
            INTERSECT
            -- Not for the planner to evaluate, which would do so each time.
            SELECT pg_catalog.unnest((SELECT pg_catalog.current_setting(:'before' || '_homes'))::oid[])
        )
    END AS is_near
FROM (
    SELECT ARRAY(
        SELECT pg_catalog.unnest(:'touched_objects'::oid[] || :'vanished'::oid[])
        EXCEPT
        SELECT pg_catalog.unnest(:'near'::oid[])
    ) AS further
) AS n \gset
EXECUTE pgmigrate_part(:'after' || '_part', :'part');
\if :is_near
EXECUTE pgmigrate_lines_of(:'before' || '_near', :'before' || '_part', :'part');
\else
EXECUTE pgmigrate_lines_of(:'before', :'before' || '_part', :'part');
\endif
\else
EXECUTE pgmigrate_read(:'after', false);
\set is_stale true
\endif
\endif
\if :reads_parts
SELECT :'before' || '_part' AS compared_before, :'after' || '_part' AS compared_after \gset
\else
\set compared_before :before
\set compared_after :after
\endif
