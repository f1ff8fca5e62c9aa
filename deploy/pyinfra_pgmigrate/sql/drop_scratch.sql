-- Drops copies: those of this run with one name, or all that dead runs from this host left of a database.
-- Variables: scratch (a name, or a LIKE pattern), host_name, run_id, dead_only.
SELECT pg_catalog.format('DROP DATABASE IF EXISTS %I WITH (FORCE)', d.datname)
FROM pg_catalog.pg_database AS d
WHERE CASE
    WHEN :'dead_only'::boolean THEN
        d.datname LIKE :'scratch'
        AND COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), :'host_name') LIKE '%' || :'host_name' || '%'
        AND COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), '') NOT LIKE '%' || :'run_id' || '%'
    ELSE d.datname = :'scratch'
END
\gexec
