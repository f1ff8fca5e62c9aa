-- Tells how far the history of this database has come, quarantine included: other numbers, another state. Attempts that
-- left nothing behind do not count. Changes nothing. Prints the word history; nulls where there is no registry.
SELECT
    (
        SELECT count(*) = 2
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.events')
            AND a.attname IN ('id', 'event')
    ) AS has_events,
    (
        SELECT count(*) = 3
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = pg_catalog.to_regclass('pgmigrate.quarantines')
            AND a.attname IN ('id', 'restored_at', 'dropped_at')
    ) AS has_quarantines \gset
\set newest_event ''
\set kept ''
\if :has_events
SELECT COALESCE(max(e.id), 0) AS newest_event
FROM pgmigrate.events AS e
WHERE e.event <> 'failed' \gset
\endif
\if :has_quarantines
SELECT pg_catalog.concat_ws(' ', COALESCE(max(q.id), 0), count(q.restored_at), count(q.dropped_at)) AS kept
FROM pgmigrate.quarantines AS q \gset
\endif
SELECT pg_catalog.json_build_array(:'newest_event'::text, :'kept'::text)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate history :payload
