-- Gives a database to one ordinary role, with which migrate.py, rollback.py, backup.py, restore.py, validate.py and
-- status.py then connect. Run once, by a superuser:
--     psql -v owner=app -f docs/least_privilege.sql stage
-- What belongs to a superuser in it (tables, views, sequences, functions, types, schemas) belongs to the role afterwards;
-- what belongs to other roles stays theirs, and is told.
\set ON_ERROR_STOP on
SET search_path = pg_catalog, pg_temp;
SELECT pg_catalog.current_database() AS database \gset
SELECT NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles AS r WHERE r.rolname = :'owner') AS is_new \gset
\if :is_new
CREATE ROLE :"owner";
\endif
BEGIN;
ALTER ROLE :"owner" LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- To verify backups by restoring them, to rehearse and to restore. Without it: pg_verify=read and pg_rehearse=off.
ALTER ROLE :"owner" CREATEDB;
ALTER DATABASE :"database" OWNER TO :"owner";
-- restore.py and rollback.py end sessions of other ordinary roles, never of a superuser.
GRANT pg_signal_backend TO :"owner";

CREATE TEMPORARY TABLE owned ON COMMIT DROP AS
SELECT o.kind, o.ident, o.rolname, o.rolsuper
FROM (
    SELECT 'SCHEMA' AS kind, pg_catalog.quote_ident(n.nspname) AS ident, r.rolname, r.rolsuper
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema'

    UNION ALL
    SELECT
        CASE c.relkind
            WHEN 'v' THEN 'VIEW'
            WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE'
            ELSE 'TABLE'
        END,
        c.oid::pg_catalog.regclass::text,
        r.rolname,
        r.rolsuper
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
    WHERE c.oid >= 16384
        AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND c.relnamespace::pg_catalog.regnamespace::text !~ '^pg_'
        -- A sequence behind a column goes with its table, what belongs to an extension with that.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = c.tableoid
                AND d.objid = c.oid
                AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i'))
        )

    UNION ALL
    SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, r.rolname, r.rolsuper
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
    WHERE p.oid >= 16384
        AND p.prokind <> 'a'
        AND p.pronamespace::pg_catalog.regnamespace::text !~ '^pg_'
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = p.tableoid
                AND d.objid = p.oid
                AND d.deptype IN ('e', 'i')
        )

    UNION ALL
    SELECT 'TYPE', t.oid::pg_catalog.regtype::text, r.rolname, r.rolsuper
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_roles AS r ON r.oid = t.typowner
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    WHERE t.oid >= 16384
        AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
        AND t.typnamespace::pg_catalog.regnamespace::text !~ '^pg_'
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = t.tableoid
                AND d.objid = t.oid
                AND d.deptype IN ('e', 'i')
        )
) AS o
WHERE o.rolname <> :'owner'
    AND o.rolname <> 'pg_database_owner';
SELECT pg_catalog.format('ALTER %s %s OWNER TO %I', o.kind, o.ident, :'owner')
FROM owned AS o
WHERE o.rolsuper
\gexec
SELECT 'stays with role ' || pg_catalog.quote_ident(o.rolname) || ': ' || pg_catalog.lower(o.kind) || ' ' || o.ident AS told
FROM owned AS o
WHERE NOT o.rolsuper
ORDER BY 1;
COMMIT;
