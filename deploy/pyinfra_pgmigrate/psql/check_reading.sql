-- Fails where what this transaction reads from here on would run functions of others (see reading.sql): of the tables that
-- it has locked against others, and of those that reference them, which it locks first.
-- Variables: is_checked, reading_check.
\if :is_checked
WITH locked AS (
    SELECT l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation'
        AND l.pid = pg_catalog.pg_backend_pid()
        AND l.mode ~ '^(Share|Exclusive|AccessExclusive)'
        AND l.relation >= 16384
),
read AS (
    SELECT l.relation FROM locked AS l
    UNION
    SELECT k.conrelid
    FROM locked AS l
    JOIN pg_catalog.pg_constraint AS k ON k.contype = 'f' AND k.confrelid = l.relation
)
SELECT
    COALESCE(pg_catalog.array_agg(t.relation), '{}')::text AS reading_tables,
    COALESCE(pg_catalog.string_agg(pg_catalog.format(
        'LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE;', t.relation::pg_catalog.regclass
    ), ' ') FILTER (
        WHERE NOT r.rolsuper AND NOT pg_catalog.pg_is_in_recovery()
    ), '') AS reading_locks
FROM read AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relation
JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p')
    AND c.relpersistence <> 't' \gset
:reading_locks
SELECT pg_catalog.replace(:'reading_check', 'TABLES', :'reading_tables')
\gexec
\endif
