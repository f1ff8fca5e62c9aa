-- Within pgmigrate_read: the lines in the setting $4 that belong to none of $3.
SELECT b.line, b.identity, b.home
FROM ROWS FROM (
    pg_catalog.unnest(pg_catalog.current_setting($4)::text[]),
    pg_catalog.unnest(pg_catalog.current_setting($4 || '_identities')::text[]),
    pg_catalog.unnest(pg_catalog.current_setting($4 || '_homes')::oid[])
) AS b (line, identity, home)
WHERE b.home <> ALL ($3)
