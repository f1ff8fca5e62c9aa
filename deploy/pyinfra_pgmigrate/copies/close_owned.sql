-- What no statement gave to anybody else is ours, and not the role's of the copy. Variables: role.
--
-- The lines of the catalog, which are compared, leave the registry out: here it is looked at for what whoever ran as that
-- role may have put there. Nothing of it has been read or written by us yet.
DO $$
DECLARE
    planted text;
BEGIN
    WITH home AS (
        SELECT n.oid
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname ~ '^pgmigrate'
    ),
    relations AS (
        SELECT c.oid, c.relkind, c.relhasrules
        FROM pg_catalog.pg_class AS c
        JOIN home AS h ON h.oid = c.relnamespace
    ),
    parts (classid, objid) AS (
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid
        FROM relations AS r

        UNION ALL
        SELECT k.tableoid, k.oid
        FROM pg_catalog.pg_constraint AS k
        JOIN relations AS r ON r.oid = k.conrelid

        UNION ALL
        SELECT f.tableoid, f.oid
        FROM pg_catalog.pg_attrdef AS f
        JOIN relations AS r ON r.oid = f.adrelid

        UNION ALL
        SELECT s.tableoid, s.oid
        FROM pg_catalog.pg_statistic_ext AS s
        JOIN relations AS r ON r.oid = s.stxrelid
    )
    SELECT pg_catalog.string_agg(DISTINCT f.what, ', ')
    INTO planted
    FROM (
        SELECT pg_catalog.pg_describe_object(p.classid, p.objid, 0)
        FROM parts AS p
        JOIN pg_catalog.pg_depend AS d ON d.classid = p.classid AND d.objid = p.objid
        WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
            AND d.refobjid >= 16384

        UNION ALL
        SELECT 'function ' || p.oid::pg_catalog.regprocedure::text
        FROM pg_catalog.pg_proc AS p
        JOIN home AS h ON h.oid = p.pronamespace

        UNION ALL
        SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.oid, 0)
        FROM relations AS r
        WHERE r.relkind IN ('v', 'm', 'f')
            OR r.relhasrules

        UNION ALL
        SELECT pg_catalog.pg_describe_object(t.tableoid, t.oid, 0)
        FROM pg_catalog.pg_trigger AS t
        JOIN relations AS r ON r.oid = t.tgrelid
        WHERE NOT t.tgisinternal

        UNION ALL
        SELECT pg_catalog.pg_describe_object(y.tableoid, y.oid, 0)
        FROM pg_catalog.pg_policy AS y
        JOIN relations AS r ON r.oid = y.polrelid
    ) AS f (what);
    IF planted IS NOT NULL THEN
        RAISE EXCEPTION 'what was run while the backup was restored left something in the registry: %', planted;
    END IF;
END;
$$;
REASSIGN OWNED BY :"role" TO CURRENT_USER;
DROP OWNED BY :"role";
