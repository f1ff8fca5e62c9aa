-- For psycopg: what belongs to the whole server, as this transaction sees it: kind, name, and all that is known of it.
-- Roles, databases and the like stay when the scratch database goes.
SELECT
    'role' AS kind,
    r.rolname::text AS name,
    (pg_catalog.to_jsonb(r) - '{oid, rolpassword}'::text[])::text AS facts
FROM pg_catalog.pg_roles AS r

UNION ALL
-- A password cannot be read, but who changes one keeps the catalog of the roles locked until the transaction ends.
SELECT
    'role',
    'whose password it is',
    l.mode
FROM pg_catalog.pg_locks AS l
WHERE l.pid = pg_catalog.pg_backend_pid()
    AND l.relation = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND l.mode = 'RowExclusiveLock'

UNION ALL
SELECT
    'membership',
    pg_catalog.pg_get_userbyid(m.member) || ' in ' || pg_catalog.pg_get_userbyid(m.roleid),
    (pg_catalog.to_jsonb(m) - 'oid')::text
FROM pg_catalog.pg_auth_members AS m

UNION ALL
SELECT
    'database',
    d.datname::text,
    (pg_catalog.to_jsonb(d) - '{datfrozenxid, datminmxid}'::text[])::text
FROM pg_catalog.pg_database AS d

UNION ALL
SELECT
    'setting',
    pg_catalog.concat_ws(
        ' in ',
        CASE s.setrole WHEN 0 THEN 'all roles' ELSE pg_catalog.pg_get_userbyid(s.setrole) END,
        (SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.oid = s.setdatabase)
    ),
    s.setconfig::text
FROM pg_catalog.pg_db_role_setting AS s

UNION ALL
SELECT
    'tablespace',
    t.spcname::text,
    pg_catalog.to_jsonb(t)::text
FROM pg_catalog.pg_tablespace AS t

UNION ALL
SELECT
    'parameter',
    p.parname,
    p.paracl::text
FROM pg_catalog.pg_parameter_acl AS p

UNION ALL
SELECT
    'comment',
    pg_catalog.concat_ws(' ', i.type, i.identity),
    c.description
FROM pg_catalog.pg_shdescription AS c
CROSS JOIN LATERAL pg_catalog.pg_identify_object(c.classoid, c.objoid, 0) AS i

UNION ALL
SELECT
    'security label',
    pg_catalog.concat_ws(' ', i.type, i.identity),
    l.provider || ' ' || l.label
FROM pg_catalog.pg_shseclabel AS l
CROSS JOIN LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, 0) AS i;
