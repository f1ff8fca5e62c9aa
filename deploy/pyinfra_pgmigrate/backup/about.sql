-- What a backup must know of its database besides tables and catalog. The caller has the transaction, and
-- the catalog in pgmigrate.now. Prints the words database and catalog.
SELECT :'registry_exists'::boolean AND pg_catalog.to_regclass('pgmigrate.registry') IS NOT NULL AS has_registry \gset
\set applied '[]'
\set applied_in '{}'
\if :has_registry
SELECT COALESCE(
    pg_catalog.json_agg(pg_catalog.json_build_array(m.version, m.checksum) ORDER BY m.version), '[]'::json
)::text AS applied
FROM pgmigrate.migrations AS m
WHERE :of_scope \gset
SELECT COALESCE(pg_catalog.json_object_agg(s.name, s.applied), '{}'::json)::text AS applied_in
FROM (
    SELECT
        pg_catalog.to_jsonb(m) ->> 'schema_name' AS name,
        pg_catalog.json_agg(pg_catalog.json_build_array(m.version, m.checksum) ORDER BY m.version) AS applied
    FROM pgmigrate.migrations AS m
    WHERE pg_catalog.to_jsonb(m) ->> 'schema_name' <> ''
    GROUP BY 1
) AS s \gset
\endif
SELECT pg_catalog.json_build_object(
    'database', pg_catalog.current_database(),
    'server_version', pg_catalog.current_setting('server_version'),
    'server_version_num', pg_catalog.current_setting('server_version_num')::integer,
    'taken_at', pg_catalog.to_char(
        pg_catalog.transaction_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
    ),
    'taken_s', pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.transaction_timestamp()))::bigint,
    'lsn', CASE
        WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
        ELSE pg_catalog.pg_current_wal_lsn()
    END::text,
    'applied', :'applied'::json,
    'applied_in', :'applied_in'::json,
    'schema', :'schema'::text,
    'size_bytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
    'large_objects', (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata AS o),
    'subscriptions', (
        SELECT count(*)
        FROM pg_catalog.pg_subscription AS u
        JOIN pg_catalog.pg_database AS d ON d.oid = u.subdbid
        WHERE d.datname = pg_catalog.current_database()
    ),
    'extensions', (
        SELECT COALESCE(pg_catalog.json_object_agg(e.extname, e.extversion ORDER BY e.extname), '{}'::json)
        FROM pg_catalog.pg_extension AS e
    ),
    'roles', (
        SELECT COALESCE(pg_catalog.json_agg(r.rolname ORDER BY r.rolname), '[]'::json)
        FROM pg_catalog.pg_roles AS r
        WHERE EXISTS (
                SELECT 1
                FROM pg_catalog.pg_shdepend AS s
                JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
                WHERE d.datname = pg_catalog.current_database()
                    AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
                    AND s.refobjid = r.oid
            )
            OR r.oid = (
                SELECT d.datdba
                FROM pg_catalog.pg_database AS d
                WHERE d.datname = pg_catalog.current_database()
            )
    ),
    'properties', (
        SELECT pg_catalog.json_build_object(
            'owner', pg_catalog.pg_get_userbyid(d.datdba),
            'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
            'collate', d.datcollate,
            'ctype', d.datctype,
            'provider', d.datlocprovider,
            -- Its name differs: daticulocale in 15 and 16, datlocale since 17.
            'locale', COALESCE(
                pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale'
            ),
            'icu_rules', pg_catalog.to_jsonb(d) ->> 'daticurules',
            'connection_limit', d.datconnlimit,
            'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),
            'tablespace', (SELECT t.spcname FROM pg_catalog.pg_tablespace AS t WHERE t.oid = d.dattablespace),
            'is_template', d.datistemplate,
            'labels', (
                SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.provider, l.label) ORDER BY l.provider)
                FROM pg_catalog.pg_shseclabel AS l
                WHERE l.objoid = d.oid
                    AND l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
            ),
            'grants', (
                SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                    CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
                    g.privilege_type,
                    g.is_grantable
                ))
                FROM pg_catalog.aclexplode(d.datacl) AS g
            ),
            'settings', (
                SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(
                    CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole) END,
                    pg_catalog.split_part(v.setting, '=', 1),
                    pg_catalog.substr(v.setting, pg_catalog.strpos(v.setting, '=') + 1)
                )), '[]'::json)
                FROM pg_catalog.pg_db_role_setting AS s
                CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS v (setting)
                WHERE s.setdatabase = d.oid
            )
        )
        FROM pg_catalog.pg_database AS d
        WHERE d.datname = pg_catalog.current_database()
    )
)::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate database :payload
SELECT pg_catalog.array_to_json(pg_catalog.current_setting('pgmigrate.now')::text[])::text AS payload \gset
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate catalog :payload
