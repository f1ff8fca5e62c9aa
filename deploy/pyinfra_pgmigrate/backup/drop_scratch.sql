-- Drops copies with their roles: those of this run with one name, or all that dead runs from this host left of a database.
-- Variables: scratch (a name, or a LIKE pattern), host_name, run_id, dead_only, living (ids of runs that are at work, a
-- JSON list).
SELECT s.statement
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL (
    VALUES
        -- One that was about to take the place of a template.
        (1, d.datistemplate, pg_catalog.format('ALTER DATABASE %I IS_TEMPLATE false', d.datname)),
        (2, true, pg_catalog.format('DROP DATABASE IF EXISTS %I WITH (FORCE)', d.datname))
) AS s (place, is_due, statement)
CROSS JOIN LATERAL (SELECT pg_catalog.shobj_description(d.oid, 'pg_database')) AS c (comment)
WHERE s.is_due
    AND CASE
        WHEN :'dead_only'::boolean THEN
            d.datname LIKE :'scratch'
            AND CASE
                -- A run that was killed before it could say whose it is; or one that is about to, in this very session.
                WHEN c.comment IS NULL THEN NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_stat_activity AS a
                    WHERE pg_catalog.starts_with(
                            a.application_name, 'pgmigrate ' || pg_catalog.split_part(d.datname, '_', 4) || ' '
                        )
                )
                ELSE pg_catalog.strpos(c.comment, ' on ' || :'host_name' || ';') > 0
            END
            AND COALESCE(pg_catalog.strpos(c.comment, :'run_id') = 0, true)
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.jsonb_array_elements_text(:'living') AS l (run_id)
                WHERE pg_catalog.strpos(c.comment, l.run_id) > 0
            )
        ELSE d.datname = :'scratch'
    END
ORDER BY
    d.datname,
    s.place
\gexec
SELECT s.statement
FROM pg_catalog.pg_roles AS r
CROSS JOIN LATERAL (SELECT pg_catalog.shobj_description(r.oid, 'pg_authid')) AS c (comment)
CROSS JOIN LATERAL (
    VALUES
        -- Whatever follows: nobody logs in as it any more.
        (1, pg_catalog.format('ALTER ROLE %I NOLOGIN PASSWORD NULL', r.rolname)),
        -- Its rights on tablespaces.
        (2, pg_catalog.format('DROP OWNED BY %I', r.rolname)),
        (3, pg_catalog.format('DROP ROLE %I', r.rolname))
) AS s (place, statement)
WHERE CASE
    WHEN :'dead_only'::boolean THEN
        r.rolname LIKE :'scratch'
        AND pg_catalog.strpos(c.comment, ' on ' || :'host_name' || ';') > 0
        AND pg_catalog.strpos(c.comment, :'run_id') = 0
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.jsonb_array_elements_text(:'living') AS l (run_id)
            WHERE pg_catalog.strpos(c.comment, l.run_id) > 0
        )
    ELSE r.rolname = :'scratch' AND pg_catalog.strpos(c.comment, :'run_id') > 0
END
ORDER BY
    r.rolname,
    s.place
\gexec
