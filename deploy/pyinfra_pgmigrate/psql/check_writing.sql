-- Fails where writing to some tables would run functions of others (see reading.sql); locks them first, so that no index,
-- constraint or trigger comes meanwhile. The tables stand in the setting pgmigrate.relations (JSON: names). Variables:
-- is_checked, writing_check.
\if :is_checked
SELECT
    COALESCE(pg_catalog.array_agg(c.oid), '{}')::text AS writing_tables,
    COALESCE(pg_catalog.string_agg(pg_catalog.format(
        'LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE;', c.oid::pg_catalog.regclass
    ), ' ') FILTER (WHERE NOT r.rolsuper), '') AS writing_locks
FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.relations')::jsonb) AS n (name)
CROSS JOIN LATERAL (
    SELECT pg_catalog.to_regclass(n.name)::oid AS relation
    UNION
    SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(n.name)) AS p
) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relation
JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p')
    AND c.relpersistence <> 't' \gset
:writing_locks
SELECT pg_catalog.replace(:'writing_check', 'TABLES', :'writing_tables')
\gexec
\endif
