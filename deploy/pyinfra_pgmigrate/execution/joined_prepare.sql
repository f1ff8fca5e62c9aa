-- Prepares pgmigrate_joined (setting, setting, homes): puts the lines of the second setting in the place of those of homes
-- in the first.
PREPARE pgmigrate_joined (text, text, oid[]) AS
SELECT
    pg_catalog.set_config($1, COALESCE(pg_catalog.array_agg(l.line), '{}')::text, false),
    pg_catalog.set_config($1 || '_identities', COALESCE(pg_catalog.array_agg(l.identity), '{}')::text, false),
    pg_catalog.set_config($1 || '_homes', COALESCE(pg_catalog.array_agg(l.home), '{}')::text, false)
FROM (
    SELECT u.line, u.identity, u.home
    FROM (
        SELECT b.line, b.identity, b.home
        FROM ROWS FROM (
            pg_catalog.unnest(pg_catalog.current_setting($1)::text[]),
            pg_catalog.unnest(pg_catalog.current_setting($1 || '_identities')::text[]),
            pg_catalog.unnest(pg_catalog.current_setting($1 || '_homes')::oid[])
        ) AS b (line, identity, home)
        -- By hash, however many they are.
        WHERE b.home NOT IN (SELECT h.home FROM pg_catalog.unnest($3) AS h (home))

        UNION ALL
        SELECT p.line, p.identity, p.home
        FROM ROWS FROM (
            pg_catalog.unnest(pg_catalog.current_setting($2)::text[]),
            pg_catalog.unnest(pg_catalog.current_setting($2 || '_identities')::text[]),
            pg_catalog.unnest(pg_catalog.current_setting($2 || '_homes')::oid[])
        ) AS p (line, identity, home)
    ) AS u
    ORDER BY u.line COLLATE "C"
    OFFSET 0
) AS l
