-- Before a copy becomes the database: its role has no more to do with it. Its sessions end first, so that nothing of
-- what it ran is still at work. Variables: role. owners.sql comes after it.
SELECT pg_catalog.format('ALTER ROLE %I NOLOGIN', :'role')
\gexec
SELECT pg_catalog.pg_terminate_backend(a.pid, 10000)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.usename = :'role';
