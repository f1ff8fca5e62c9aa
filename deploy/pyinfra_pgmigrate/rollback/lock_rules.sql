-- Locks the tables of unique rules that are to come back, before they are read, against new indexes; whoever reads or
-- writes does not wait. Only for a superuser (see psql/reading.sql). Variables: rules (JSON: [{table, ...}, ...]), is_checked.
\if :is_checked
SELECT pg_catalog.format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', c.oid::pg_catalog.regclass)
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(pg_catalog.regexp_replace(
    r.value ->> 'table', pg_catalog.current_setting('pgmigrate.bare'), pg_catalog.current_setting('pgmigrate.full')
))
WHERE c.relkind IN ('r', 'p')
    AND NOT pg_catalog.pg_is_in_recovery()
ORDER BY c.oid
\gexec
\endif
