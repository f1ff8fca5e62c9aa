-- Makes an empty database for a copy. Nobody but its owner may connect: the copy holds what the original
-- holds. Variables: scratch, properties (JSON, as about.sql prints them), run_id, host_name, run_file (on that host, by
-- which others see whether the run is alive).
SELECT
    pg_catalog.format(
        'CREATE DATABASE %I TEMPLATE template0 ENCODING %L', :'scratch', p.value ->> 'encoding'
    )
    || CASE p.value ->> 'provider'
        WHEN 'i' THEN pg_catalog.format(
            ' LOCALE_PROVIDER icu ICU_LOCALE %L LC_COLLATE %L LC_CTYPE %L',
            p.value ->> 'locale', p.value ->> 'collate', p.value ->> 'ctype'
        ) || COALESCE(pg_catalog.format(' ICU_RULES %L', p.value ->> 'icu_rules'), '')
        WHEN 'b' THEN pg_catalog.format(
            ' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L LC_COLLATE %L LC_CTYPE %L',
            p.value ->> 'locale', p.value ->> 'collate', p.value ->> 'ctype'
        )
        ELSE pg_catalog.format(
            ' LOCALE_PROVIDER libc LC_COLLATE %L LC_CTYPE %L', p.value ->> 'collate', p.value ->> 'ctype'
        )
    END
    -- Where it lies is a property of a database that can be given to one in use only with all others kept out.
    || COALESCE((
        SELECT pg_catalog.format(' TABLESPACE %I', t.spcname)
        FROM pg_catalog.pg_tablespace AS t
        WHERE t.spcname = p.value ->> 'tablespace'
            AND t.spcname <> 'pg_default'
            AND pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')
    ), '') AS statement
FROM (VALUES (:'properties'::jsonb)) AS p (value)
\gexec
SELECT pg_catalog.format(
    'COMMENT ON DATABASE %I IS %L',
    :'scratch',
    'pgmigrate: copy made by run ' || :'run_id' || ' on ' || :'host_name' || '; may be dropped once that run has ended, which '
    || :'run_file' || ' tells'
)
\gexec
SELECT pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'scratch')
\gexec
