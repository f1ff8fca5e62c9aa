-- Makes sure of the locks for which step_locks.sql asked in vain, in the queue and for lock_timeout at most:
-- what is copied from here on cannot change before it is dropped. Variables: locks (JSON: [[mode, table with
-- its schema], ...]).
SELECT pg_catalog.format('LOCK TABLE %s IN %s MODE', c.oid::regclass, l.value ->> 0)
FROM pg_catalog.jsonb_array_elements(:'locks'::jsonb) AS l
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(l.value ->> 1)
WHERE pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
    AND c.relkind IN ('r', 'p')
ORDER BY c.oid::regclass
\gexec
