-- Makes ready, before the locks of a step, for reading the catalog in parts, where that is quicker than reading all of it:
-- where it is large. Variables: before, parts_from (lines). Leaves in_parts, owning and homely (catalogs whose rows belong
-- to relations, functions and types, and those three).
SELECT
    pg_catalog.cardinality(pg_catalog.current_setting(:'before')::text[]) >= :'parts_from'::integer AS in_parts,
    ARRAY[
        'pg_catalog.pg_class', 'pg_catalog.pg_proc', 'pg_catalog.pg_type', 'pg_catalog.pg_constraint',
        'pg_catalog.pg_trigger', 'pg_catalog.pg_policy', 'pg_catalog.pg_rewrite', 'pg_catalog.pg_statistic_ext',
        'pg_catalog.pg_publication_rel', 'pg_catalog.pg_inherits', 'pg_catalog.pg_description', 'pg_catalog.pg_depend'
    ]::pg_catalog.regclass[]::oid[]::text AS owning,
    ARRAY['pg_catalog.pg_class', 'pg_catalog.pg_proc', 'pg_catalog.pg_type']::pg_catalog.regclass[]::oid[]::text AS homely,
    '{}' AS fresh,
    '{}' AS gone,
    true AS is_stale \gset
