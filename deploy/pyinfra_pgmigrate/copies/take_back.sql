-- Takes from the role of a copy what hand_over.sql gave it of things that only a superuser can own. Variables: role.
SELECT pg_catalog.format('REVOKE USAGE ON FOREIGN DATA WRAPPER %I FROM %I', w.fdwname, :'role')
FROM pg_catalog.pg_foreign_data_wrapper AS w
WHERE :'role' <> ''
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = w.tableoid
            AND d.objid = w.oid
            AND d.deptype = 'e'
    )
\gexec
