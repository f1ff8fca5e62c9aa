-- Ends the sessions of a role of a copy, and lets nobody but us log in as it. Variables: role, verifier (of the password).
SELECT pg_catalog.format('ALTER ROLE %I PASSWORD %L', :'role', :'verifier')
\gexec
SELECT pg_catalog.pg_terminate_backend(a.pid, 10000)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.usename = :'role';
