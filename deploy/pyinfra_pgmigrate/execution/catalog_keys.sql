-- What is known of the catalog before a step that reads it in parts: the keys of its rows, in the setting BEFORE_keys as
-- an array, and how many there are; and, where it has near_from lines, in the setting BEFORE_near, and those beside it, the
-- lines of the tables that the step locks and of what depends on them. Variables: before, after, owning, locks, near_from,
-- is_stale (what was known is not true any more), fresh and gone (arrays: keys that the step before wrote and deleted). Leaves
-- known_counts, known_named (rows of other catalogs), known_elsewhere, near (array: whose lines are near).
\if :is_stale
EXECUTE pgmigrate_touched(-1, '{}', :'owning', NULL, NULL, NULL, '{}', '{}', :'before' || '_keys') \gset touched_
SELECT
    COALESCE(pg_catalog.jsonb_object_agg(o.key, o.value) FILTER (
        WHERE o.key::bigint < 4294967296
            AND o.key::bigint <> ALL (:'owning'::bigint[])
    ), '{}')::text AS known_named,
    :'touched_elsewhere' AS known_elsewhere
FROM pg_catalog.json_each_text(:'touched_others'::json) AS o \gset
\set is_stale false
\else
SELECT pg_catalog.set_config(:'before' || '_keys', ARRAY(
    SELECT k.key
    FROM pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_keys')::text[]) AS k (key)
    WHERE k.key <> ALL (:'gone'::text[])
        AND k.key <> ALL (:'fresh'::text[])
    UNION ALL
    SELECT f.key
    FROM pg_catalog.unnest(:'fresh'::text[]) AS f (key)
)::text, false);
\endif
\set fresh {}
\set gone {}
SELECT COALESCE(pg_catalog.jsonb_object_agg(c.class, c.rows), '{}')::text AS known_counts
FROM (
    SELECT pg_catalog.split_part(k.key, ':', 1) AS class, count(*) AS rows
    FROM pg_catalog.unnest(pg_catalog.current_setting(:'before' || '_keys')::text[]) AS k (key)
    GROUP BY 1
) AS c \gset
-- Of few lines those of a part are found at once.
SELECT
    pg_catalog.cardinality(pg_catalog.current_setting(:'before')::text[]) >= :'near_from'::integer AS has_many,
    '{}' AS near \gset
\if :has_many
SELECT ARRAY(
    SELECT DISTINCT pg_catalog.to_regclass(l.value ->> 1)::oid
    FROM pg_catalog.jsonb_array_elements(:'locks'::jsonb) AS l
    WHERE pg_catalog.to_regclass(l.value ->> 1) IS NOT NULL
)::text AS locked \gset
-- Later than everything, and in no catalog: what depends on them, and nothing that was written.
EXECUTE pgmigrate_touched(2147483647, :'locked', '{}', '{}', '{}', NULL, '{}', '{}', :'after' || '_asked') \gset near_
SELECT (:'near_objects'::oid[] || 0::oid)::text AS near \gset
EXECUTE pgmigrate_lines_of(:'before', :'before' || '_near', :'near');
\endif
