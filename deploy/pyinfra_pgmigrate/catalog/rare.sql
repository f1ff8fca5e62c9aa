-- Tells whether there may be anything of the kinds that catalog.sql reads between ":rare" and ":common" (has_rare): where there
-- is none, its lines are the same without. A catalog that never had a row has no file; what is in a schema, or comes with an
-- extension, depends on that; the others have an oid that initdb gives to nothing.
SELECT
    EXISTS (
        SELECT 1
        FROM pg_catalog.unnest(ARRAY[
            'pg_catalog.pg_publication', 'pg_catalog.pg_publication_rel', 'pg_catalog.pg_publication_namespace',
            'pg_catalog.pg_statistic_ext', 'pg_catalog.pg_event_trigger', 'pg_catalog.pg_foreign_data_wrapper',
            'pg_catalog.pg_foreign_server', 'pg_catalog.pg_foreign_table', 'pg_catalog.pg_user_mapping', 'pg_catalog.pg_transform',
            'pg_catalog.pg_default_acl'
        ]::pg_catalog.regclass[]) AS c (oid)
        WHERE pg_catalog.pg_relation_size(c.oid) > 0
    )
    OR EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = ANY (ARRAY[
                'pg_catalog.pg_operator', 'pg_catalog.pg_opclass', 'pg_catalog.pg_opfamily',
                'pg_catalog.pg_collation', 'pg_catalog.pg_conversion', 'pg_catalog.pg_ts_config', 'pg_catalog.pg_ts_dict',
                'pg_catalog.pg_ts_parser', 'pg_catalog.pg_ts_template'
            ]::pg_catalog.regclass[]::oid[])
            AND d.objid >= 16384
    )
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_cast AS c WHERE c.oid >= 16384)
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_am AS m WHERE m.oid >= 16384)
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_language AS l WHERE l.oid >= 16384 OR l.lanacl IS NOT NULL) AS has_rare
