-- For psycopg: the locks that the session with the given process id holds on relations.
SELECT
    l.relation::bigint AS oid,
    l.mode
FROM pg_catalog.pg_locks AS l
WHERE l.pid = %(pid)s
    AND l.locktype = 'relation'
    AND l.granted
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
