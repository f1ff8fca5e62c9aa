-- Prepares pgmigrate_lines_of (setting, setting, homes): leaves in the second setting, and in those beside it, the lines of
-- the first that belong to one of homes.
PREPARE pgmigrate_lines_of (text, text, oid[]) AS
SELECT
    pg_catalog.set_config($2, COALESCE(pg_catalog.array_agg(b.line ORDER BY b.place), '{}')::text, false),
    pg_catalog.set_config(
        $2 || '_identities', COALESCE(pg_catalog.array_agg(b.identity ORDER BY b.place), '{}')::text, false
    ),
    pg_catalog.set_config($2 || '_homes', COALESCE(pg_catalog.array_agg(b.home ORDER BY b.place), '{}')::text, false)
FROM ROWS FROM (
    pg_catalog.unnest(pg_catalog.current_setting($1)::text[]),
    pg_catalog.unnest(pg_catalog.current_setting($1 || '_identities')::text[]),
    pg_catalog.unnest(pg_catalog.current_setting($1 || '_homes')::oid[])
) WITH ORDINALITY AS b (line, identity, home, place)
WHERE b.home = ANY ($3)
