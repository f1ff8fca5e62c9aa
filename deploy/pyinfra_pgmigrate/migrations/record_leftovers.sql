-- For psycopg: scratch databases that a killed recording has left. Their names say when they were made; a recording
-- at work is connected to its own. Values: prefix of the names, age in seconds.
SELECT d.datname::text
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL pg_catalog.regexp_match(d.datname, '^' || %s || '([0-9]{1,18})_[0-9a-f]{8}$') AS m (parts)
WHERE m.parts[1]::bigint < EXTRACT(epoch FROM pg_catalog.clock_timestamp()) - %s
    AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datid = d.oid
            -- That one comes by itself, and gives way.
            AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
    )
ORDER BY d.datname;
