-- Prepares pgmigrate_touched (as touched.sql, and the setting that gets the keys as an array).
PREPARE pgmigrate_touched (integer, oid[], oid[], oid[], oid[], bigint, oid[], tid[], text) AS
SELECT
    t.is_whole,
    t.objects,
    t.others,
    t.elsewhere,
    ARRAY(
        SELECT pg_catalog.concat_ws(':', f.value ->> 0, f.value ->> 1, f.value ->> 2)
        FROM pg_catalog.json_array_elements(t.fresh) AS f
    )::text AS fresh,
    pg_catalog.set_config($9, ARRAY(
        SELECT pg_catalog.concat_ws(':', k.value ->> 0, k.value ->> 1, k.value ->> 2)
        FROM pg_catalog.json_array_elements(t.keys) AS k
    )::text, false) IS NOT NULL AS has_keys
FROM (
:touched
) AS t
