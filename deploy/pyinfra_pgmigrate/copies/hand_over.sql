-- For psql alone: gives the role of a copy what our own role made in it, extensions excepted, and what it needs of these.
-- Variables: role.
SET search_path = pg_catalog, pg_temp;
SET client_min_messages = warning;
SELECT pg_catalog.format('ALTER SCHEMA %I OWNER TO %I', n.nspname, :'role')
FROM pg_catalog.pg_namespace AS n
WHERE n.oid >= 16384
    AND n.nspname !~ '^pg_'
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND d.objid = n.oid
            AND d.deptype = 'e'
    )
\gexec
SELECT pg_catalog.format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', n.nspname, :'role')
FROM pg_catalog.pg_namespace AS n
JOIN pg_catalog.pg_depend AS d ON d.classid = n.tableoid AND d.objid = n.oid AND d.deptype = 'e'
\gexec
SELECT pg_catalog.format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I', w.fdwname, :'role')
FROM pg_catalog.pg_foreign_data_wrapper AS w
\gexec
-- Not a moment longer than the transaction that makes it does a function run with our rights.
SELECT pg_catalog.format('ALTER ROUTINE %s OWNER TO %I', f.oid::pg_catalog.regprocedure, :'role')
FROM pg_catalog.pg_proc AS f
WHERE f.oid >= 16384
    AND f.proowner = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER)
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND d.objid = f.oid
            AND d.deptype = 'e'
    )
\gexec
SELECT pg_catalog.format('ALTER TYPE %s OWNER TO %I', t.oid::pg_catalog.regtype, :'role')
FROM pg_catalog.pg_type AS t
WHERE t.oid >= 16384
    AND t.typtype = 'b'
    AND t.typowner = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER)
    -- Arrays go with their elements.
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid)
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND d.objid = t.oid
            AND d.deptype = 'e'
    )
\gexec
