-- Makes an empty database for a copy. Nobody but its owner may connect: the copy holds what the original
-- holds. Variables: scratch, properties (JSON, as about.sql prints them), run_id, host_name, run_file (on that host, by
-- which others see whether the run is alive), wants_role, verifier (of the password), has_forced (a policy holds for the
-- owner of its table, too).
--
-- With wants_role, and where we may make roles, a role of the same name owns it. That role logs in itself (SET ROLE is no
-- wall: RESET ROLE in a function undoes it), is a member of no other and has no right elsewhere but what PUBLIC has; to a
-- database in which PUBLIC may connect it may, too.
SELECT
    :'wants_role'::boolean AND (r.rolsuper OR r.rolcreaterole) AS has_role,
    :'has_forced'::boolean AND (r.rolsuper OR r.rolbypassrls) AS passes_policies
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = CURRENT_USER \gset
\if :has_role
BEGIN;
SELECT pg_catalog.format(
    'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION %s PASSWORD %L VALID UNTIL %L',
    :'scratch',
    CASE WHEN :'passes_policies'::boolean THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END,
    :'verifier',
    -- Long enough for the largest restore; after that not even the password helps anybody.
    pg_catalog.clock_timestamp() + interval '7 days'
)
\gexec
SELECT pg_catalog.format(
    'COMMENT ON ROLE %I IS %L',
    :'scratch',
    'pgmigrate: role of a copy made by run ' || :'run_id' || ' on ' || :'host_name'
    || '; may be dropped once that run has ended, which ' || :'run_file' || ' tells'
)
\gexec
SELECT r.rolsuper AS is_superuser FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER \gset
\if :is_superuser
-- What is said is read by a program.
SELECT pg_catalog.format('ALTER ROLE %I SET lc_messages = ''C''', :'scratch')
\gexec
-- What lies in a tablespace comes back there.
SELECT pg_catalog.format('GRANT CREATE ON TABLESPACE %I TO %I', t.spcname, :'scratch')
FROM pg_catalog.pg_tablespace AS t
WHERE t.spcname !~ '^pg_'
\gexec
\else
-- Who makes a database for another role must be a member of it.
SELECT pg_catalog.format('GRANT %I TO CURRENT_USER', :'scratch')
\gexec
\endif
COMMIT;
\endif
SELECT
    pg_catalog.format(
        'CREATE DATABASE %I TEMPLATE template0 ENCODING %L', :'scratch', p.value ->> 'encoding'
    )
    || CASE WHEN :'has_role'::boolean THEN pg_catalog.format(' OWNER %I', :'scratch') ELSE '' END
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
