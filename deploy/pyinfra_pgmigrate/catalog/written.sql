-- For psycopg, prepared: how many rows of each system catalog the current transaction has written or deleted, and how many
-- it has deleted, as the server counts them, by oid; null where it does not count. What an earlier transaction wrote may be
-- in it: within one transaction each number only grows, and stays where nothing was written.
SELECT CASE WHEN pg_catalog.current_setting('track_counts')::boolean THEN
    COALESCE(
        pg_catalog.json_object_agg(w.oid, pg_catalog.json_build_array(w.rows, w.deleted) ORDER BY w.oid)
            FILTER (WHERE w.rows > 0),
        '{}'::json
    )
END AS written
FROM (
    SELECT
        c.oid::bigint AS oid,
        pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
            + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
            + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS rows,
        pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
        AND c.relkind = 'r'
        -- They are there since initdb. By index: of bounds that it does not know the planner expects few between them, where
        -- of those that it knows it expects all, as there were no others when it looked last.
        AND c.oid > (SELECT 0::oid)
        AND c.oid < (SELECT 16384::oid)
) AS w
