-- A fingerprint of what the lines of catalog.sql are made of, as one text: the same fingerprint, the same lines.
--
-- Rows of system catalogs count by place (ctid) and writing transaction (xmin). Whoever changes a row writes a
-- new one, and no two rows of one transaction have the same place; ANALYZE, VACUUM and freezing leave both as
-- they are. pg_class counts by contents, as TRUNCATE and REINDEX rewrite its rows and no line tells of that;
-- left out of it is where and how large a relation is. Grants count as text: the server's hash of them does not
-- see grant options. What is written elsewhere, or makes the server print the same structure in other words, is
-- in it too: names of roles, settings, the version of the server.
--
-- A catalog that is rewritten (VACUUM FULL), restored or upgraded has another fingerprint and the same lines.
SELECT pg_catalog.encode(
    pg_catalog.sha256(
        pg_catalog.convert_to(
            pg_catalog.concat_ws(
                ' ',
                pg_catalog.current_setting('pgmigrate.schema_path', true),
                (
                    SELECT pg_catalog.string_agg(s.name || '=' || s.setting, ',' ORDER BY s.name)
                    FROM pg_catalog.pg_settings AS s
                    WHERE s.name IN (
                        'server_version_num', 'DateStyle', 'IntervalStyle', 'TimeZone', 'bytea_output',
                        'extra_float_digits', 'lc_monetary', 'quote_all_identifiers', 'xmlbinary', 'xmloption'
                    )
                ),
                pg_catalog.string_agg(f.name || ':' || f.row_count || ':' || f.hash, ' ' ORDER BY f.name)
            ),
            'UTF8'
        )
    ),
    'hex'
)
FROM (
    SELECT
        'pg_class',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(
            pg_catalog.hash_record_extended(
                ROW(
                        c.oid, c.relname, c.relnamespace, c.reltype, c.reloftype, c.relowner,
                        c.relam, c.reltablespace, c.relisshared, c.relpersistence, c.relkind,
                        c.relnatts, c.relchecks, c.relrowsecurity, c.relforcerowsecurity,
                        c.relispopulated, c.relreplident, c.relispartition, c.relacl::text, c.reloptions,
                        c.relpartbound::text
                ),
                0
            ),
            0
        ))
    FROM pg_catalog.pg_class AS c

    UNION ALL
    SELECT
        'pg_roles',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(r.oid, r.rolname), 0), 0))
    FROM pg_catalog.pg_roles AS r
    -- What belongs to a role here, or was granted to it, names it there; roles of the server itself are not named.
    WHERE r.oid < 16384
        OR r.oid IN (
            SELECT d.refobjid
            FROM pg_catalog.pg_shdepend AS d
            WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
                AND d.dbid = (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = pg_catalog.current_database())
        )

    UNION ALL
    SELECT
        'pg_aggregate',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_aggregate AS t

    UNION ALL
    SELECT
        'pg_am',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_am AS t

    UNION ALL
    SELECT
        'pg_amop',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_amop AS t

    UNION ALL
    SELECT
        'pg_amproc',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_amproc AS t

    UNION ALL
    SELECT
        'pg_attrdef',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_attrdef AS t

    UNION ALL
    SELECT
        'pg_attribute',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_attribute AS t

    UNION ALL
    SELECT
        'pg_cast',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_cast AS t

    UNION ALL
    SELECT
        'pg_collation',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_collation AS t

    UNION ALL
    SELECT
        'pg_constraint',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_constraint AS t

    UNION ALL
    SELECT
        'pg_conversion',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_conversion AS t

    UNION ALL
    SELECT
        'pg_default_acl',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_default_acl AS t

    UNION ALL
    SELECT
        'pg_depend',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_depend AS t

    UNION ALL
    SELECT
        'pg_description',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_description AS t

    UNION ALL
    SELECT
        'pg_enum',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_enum AS t

    UNION ALL
    SELECT
        'pg_event_trigger',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_event_trigger AS t

    UNION ALL
    SELECT
        'pg_extension',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_extension AS t

    UNION ALL
    SELECT
        'pg_foreign_data_wrapper',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_foreign_data_wrapper AS t

    UNION ALL
    SELECT
        'pg_foreign_server',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_foreign_server AS t

    UNION ALL
    SELECT
        'pg_foreign_table',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_foreign_table AS t

    UNION ALL
    SELECT
        'pg_index',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_index AS t

    UNION ALL
    SELECT
        'pg_inherits',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_inherits AS t

    UNION ALL
    SELECT
        'pg_language',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_language AS t

    UNION ALL
    SELECT
        'pg_namespace',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_namespace AS t
    -- A session's first temporary table leaves its schema behind.
    WHERE t.nspname !~ '^pg_(toast_)?temp_'

    UNION ALL
    SELECT
        'pg_opclass',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_opclass AS t

    UNION ALL
    SELECT
        'pg_operator',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_operator AS t

    UNION ALL
    SELECT
        'pg_opfamily',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_opfamily AS t

    UNION ALL
    SELECT
        'pg_partitioned_table',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_partitioned_table AS t

    UNION ALL
    SELECT
        'pg_policy',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_policy AS t

    UNION ALL
    SELECT
        'pg_proc',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_proc AS t

    UNION ALL
    SELECT
        'pg_publication',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_publication AS t

    UNION ALL
    SELECT
        'pg_publication_namespace',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_publication_namespace AS t

    UNION ALL
    SELECT
        'pg_publication_rel',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_publication_rel AS t

    UNION ALL
    SELECT
        'pg_range',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_range AS t

    UNION ALL
    SELECT
        'pg_rewrite',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_rewrite AS t

    UNION ALL
    SELECT
        'pg_sequence',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_sequence AS t

    UNION ALL
    SELECT
        'pg_statistic_ext',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_statistic_ext AS t

    UNION ALL
    SELECT
        'pg_tablespace',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_tablespace AS t

    UNION ALL
    SELECT
        'pg_transform',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_transform AS t

    UNION ALL
    SELECT
        'pg_trigger',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_trigger AS t

    UNION ALL
    SELECT
        'pg_ts_config',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_ts_config AS t

    UNION ALL
    SELECT
        'pg_ts_config_map',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_ts_config_map AS t

    UNION ALL
    SELECT
        'pg_ts_dict',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_ts_dict AS t

    UNION ALL
    SELECT
        'pg_ts_parser',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_ts_parser AS t

    UNION ALL
    SELECT
        'pg_ts_template',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_ts_template AS t

    UNION ALL
    SELECT
        'pg_type',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.ctid, t.xmin), 0), 0))
    FROM pg_catalog.pg_type AS t

    UNION ALL
    -- The catalog itself is for superusers only; others see the options of their own.
    SELECT
        'pg_user_mappings',
        count(*),
        pg_catalog.bit_xor(pg_catalog.hashint8extended(pg_catalog.hash_record_extended(ROW(t.umid, t.umuser, t.umoptions::text), 0), 0))
    FROM pg_catalog.pg_user_mappings AS t
) AS f (name, row_count, hash)
