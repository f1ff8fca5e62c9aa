-- Names of the roles and databases of the server, and what we may do on it.
SELECT pg_catalog.json_build_object(
    'roles', (SELECT pg_catalog.json_agg(r.rolname) FROM pg_catalog.pg_roles AS r),
    'databases', (SELECT pg_catalog.json_agg(d.datname) FROM pg_catalog.pg_database AS d),
    'version', pg_catalog.current_setting('server_version'),
    'version_num', pg_catalog.current_setting('server_version_num')::integer,
    'in_recovery', pg_catalog.pg_is_in_recovery(),
    'port', pg_catalog.current_setting('port')::integer,
    'may_make_roles', (
        SELECT r.rolsuper OR r.rolcreaterole FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
    ),
    'passes_policies', (
        SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
    ),
    'now', pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate names :payload
