-- What a database is, and what a baseline leaves out of it, as one JSON value.
SELECT pg_catalog.json_build_object(
    'database', pg_catalog.current_database(),
    'version', pg_catalog.current_setting('server_version'),
    'version_num', pg_catalog.current_setting('server_version_num'),
    'extensions', ARRAY(
        SELECT 'extension ' || e.extname
        FROM pg_catalog.pg_extension AS e
        WHERE e.extname <> 'plpgsql'
        ORDER BY e.extname
    ),
    'left_out', ARRAY(
        SELECT 'owners: ' || pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(r.rolname), ', ')
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
        WHERE n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
        HAVING count(*) > 0

        UNION ALL
        SELECT 'grants on ' || count(*) || ' relations'
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relacl IS NOT NULL
            AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'pgmigrate')
        HAVING count(*) > 0

        UNION ALL
        SELECT 'publication ' || pg_catalog.quote_ident(p.pubname)
        FROM pg_catalog.pg_publication AS p

        UNION ALL
        SELECT 'subscription ' || pg_catalog.quote_ident(s.subname)
        FROM pg_catalog.pg_subscription AS s
        JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
        WHERE d.datname = pg_catalog.current_database()

        UNION ALL
        SELECT 'schema pgmigrate: the registry'
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = 'pgmigrate'
    )
)
