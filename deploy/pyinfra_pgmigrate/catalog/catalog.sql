-- The catalog of the current database as lines, one line a fact, sorted by byte value, and with each line the
-- identity of its object: catalog, object and part of it, as pg_depend names them.
--
-- A line is a fact that no other line implies: what a partition or child has from its parent, who owns the
-- sequence behind a column and what the server writes by itself are none. What can be set beside the structure
-- (storage parameters, statistics targets, replica identity and their like) has lines of its own, kind KIND_setting.
--
-- Expects search_path to begin with the target schema: objects in it are printed without a schema,
-- all others with one, so that an effect recorded in one schema is true in another. The kinds owner,
-- grant, comment and definition belong to each database ("own" lines): they are compared before and
-- after on the same database and never with an effect.
--
-- Left out: system schemas, the registry, temporary objects and whatever belongs to an extension.
-- Tested on PostgreSQL 15, 16, 17 and 18: the same lines for the same structure.
--
-- Of options only those that a user can set are printed: PostgreSQL 17.12 writes pg_attver=NUMBER into those of
-- every column by itself, and pg_dump leaves it out.
--
-- The caller puts in place of :among what is true of all oids, for everything; or of those of some relations, functions
-- and types, with all that touched.sql adds to them, for the lines of those alone, and of what belongs to none of the
-- three: then :each is OFFSET 0, so that what belongs to each is looked for by index, and nothing where all are read. Of
-- each line home is the relation, function or type to which it belongs, or 0. In place of :only it puts a schema, as text,
-- for the lines of what is in that one alone, or null. What stands between ":rare" and ":common" is left out where rare.sql
-- says that there is nothing of it: a third of what it takes to plan and run the rest.
WITH settable (catalog, name) AS (
    -- Source: PostgreSQL 18 manual, "CREATE TABLE" (storage parameters), "CREATE VIEW", "ALTER TABLE".
    VALUES
        ('pg_attribute', 'n_distinct'),
        ('pg_attribute', 'n_distinct_inherited'),
        ('pg_class', 'autovacuum_analyze_scale_factor'),
        ('pg_class', 'autovacuum_analyze_threshold'),
        ('pg_class', 'autovacuum_enabled'),
        ('pg_class', 'autovacuum_freeze_max_age'),
        ('pg_class', 'autovacuum_freeze_min_age'),
        ('pg_class', 'autovacuum_freeze_table_age'),
        ('pg_class', 'autovacuum_multixact_freeze_max_age'),
        ('pg_class', 'autovacuum_multixact_freeze_min_age'),
        ('pg_class', 'autovacuum_multixact_freeze_table_age'),
        ('pg_class', 'autovacuum_vacuum_cost_delay'),
        ('pg_class', 'autovacuum_vacuum_cost_limit'),
        ('pg_class', 'autovacuum_vacuum_insert_scale_factor'),
        ('pg_class', 'autovacuum_vacuum_insert_threshold'),
        ('pg_class', 'autovacuum_vacuum_max_threshold'),
        ('pg_class', 'autovacuum_vacuum_scale_factor'),
        ('pg_class', 'autovacuum_vacuum_threshold'),
        ('pg_class', 'check_option'),
        ('pg_class', 'fillfactor'),
        ('pg_class', 'log_autovacuum_min_duration'),
        ('pg_class', 'parallel_workers'),
        ('pg_class', 'security_barrier'),
        ('pg_class', 'security_invoker'),
        ('pg_class', 'toast_tuple_target'),
        ('pg_class', 'user_catalog_table'),
        ('pg_class', 'vacuum_index_cleanup'),
        ('pg_class', 'vacuum_max_eager_freeze_failure_rate'),
        ('pg_class', 'vacuum_truncate')
),
namespaces AS MATERIALIZED (
    SELECT
        n.tableoid AS class,
        n.oid,
        n.nspname,
        n.nspowner,
        n.nspacl,
        CASE
            WHEN n.nspname = pg_catalog.current_schema() THEN ''
            ELSE pg_catalog.quote_ident(n.nspname) || '.'
        END AS prefix
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema'
        AND n.nspname !~ '^pgmigrate(_damaged_[0-9]+)?$'
        AND COALESCE(n.nspname = :only, true)
),
-- What belongs to an extension, or comes with a type.
implied AS MATERIALIZED (
    -- By index, each: nothing but a member depends on an extension in this way.
    SELECT
        d.classid,
        d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        AND d.deptype = 'e'

    UNION ALL
    SELECT
        d.classid,
        d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
        AND d.deptype = 'i'
        AND d.classid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_cast'::pg_catalog.regclass)
),
relations AS MATERIALIZED (
    SELECT
        c.tableoid AS class,
        c.oid, c.reloftype, c.relowner, c.relam, c.reltoastrelid, c.relpersistence, c.relkind, c.relrowsecurity,
        c.relforcerowsecurity, c.relreplident, c.relispartition, c.relacl, c.reloptions, c.relpartbound,
        n.prefix || pg_catalog.quote_ident(c.relname) AS ident,
        CASE c.relkind
            WHEN 'r' THEN 'table'
            WHEN 'p' THEN 'table'
            WHEN 'f' THEN 'table'
            WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized_view'
            WHEN 'S' THEN 'sequence'
            WHEN 'i' THEN 'index'
            WHEN 'I' THEN 'index'
            WHEN 'c' THEN 'type'
        END AS kind
    FROM pg_catalog.pg_class AS c
    JOIN namespaces AS n ON n.oid = c.relnamespace
    -- What initdb makes has a lower one. Of a value from elsewhere the planner expects a third of the catalog, however old its
    -- statistics are; of a constant it would expect next to nothing in a database that has just been filled, and join that
    -- row by row.
    WHERE c.oid > (SELECT 16383::oid)
        AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I', 'c')
        AND c.oid :among
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND e.objid = c.oid
                AND e.deptype = 'e'
        )
),
columns AS MATERIALIZED (
    SELECT
        a.attrelid, a.attname, a.attnum, a.attstorage, a.attcompression, a.attidentity, a.attinhcount, a.attstattarget,
        a.attacl, a.attoptions, a.attfdwoptions,
        r.class,
        r.ident AS table_ident,
        r.kind AS table_kind,
        r.relispartition,
        r.ident || '.' || pg_catalog.quote_ident(a.attname) AS ident,
        t.typstorage,
        -- What a child has from its parent; whether it is an identity is no part of that.
        CASE WHEN r.kind = 'table' THEN pg_catalog.format_type(a.atttypid, a.atttypmod)
            || CASE
                WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
                    THEN ' collate ' || a.attcollation::pg_catalog.regcollation::text
                ELSE ''
            END
            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            || CASE
                WHEN a.attgenerated = 's'
                    THEN ' generated always as (' || pg_catalog.pg_get_expr(d.adbin, a.attrelid) || ') stored'
                WHEN a.attgenerated = 'v'
                    THEN ' generated always as (' || pg_catalog.pg_get_expr(d.adbin, a.attrelid) || ') virtual'
                WHEN d.oid IS NOT NULL
                    THEN ' default ' || pg_catalog.pg_get_expr(d.adbin, a.attrelid)
                ELSE ''
            END
        END AS definition
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid
    -- Here the planner knows how many rows there are, and joins them by hash.
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid > (SELECT 16383::oid)
        AND a.attnum > 0
        AND NOT a.attisdropped
        AND r.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
),
inherited AS MATERIALIZED (
    SELECT
        a.attrelid,
        a.attnum,
        pg_catalog.bool_or(p.definition = a.definition) AS is_implied,
        pg_catalog.bool_or(p.attstattarget = a.attstattarget) AS has_its_target,
        pg_catalog.bool_or(p.attstorage = a.attstorage) AS has_its_storage,
        pg_catalog.bool_or(p.attcompression = a.attcompression) AS has_its_compression
    FROM (
        SELECT a.*, i.inhparent
        FROM columns AS a
        JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.attrelid
        -- Whether a child declares it too (attislocal) shows once the parent loses it; INHERIT cannot set it back.
        WHERE a.attinhcount > 0
        -- First, or the planner may join all columns of the same name.
        OFFSET 0
    ) AS a
    JOIN columns AS p ON p.attrelid = a.inhparent AND p.attname = a.attname
    GROUP BY
        a.attrelid,
        a.attnum
),
-- The sequence behind a column: of an identity it is part of the column.
sequences AS MATERIALIZED (
    SELECT
        r.class,
        r.oid,
        r.ident,
        r.relowner,
        r.relacl,
        r.relpersistence,
        n.prefix || pg_catalog.quote_ident(o.relname) || '.' || pg_catalog.quote_ident(a.attname) AS column_ident,
        d.deptype = 'i' AS is_identity
    FROM relations AS r
    LEFT JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.objid = r.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.deptype IN ('a', 'i')
    -- By index: the planner expects few columns of what is read above, and would look through all for each sequence.
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
    LEFT JOIN pg_catalog.pg_class AS o
        ON o.oid = a.attrelid
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND e.objid = o.oid
                AND e.deptype = 'e'
        )
    LEFT JOIN namespaces AS n ON n.oid = o.relnamespace
    WHERE r.relkind = 'S'
),
constraints AS MATERIALIZED (
    SELECT
        k.*,
        COALESCE(r.ident, k.domain_ident) || '.' || pg_catalog.quote_ident(k.conname) AS ident
    FROM (
        -- Of tables and of domains, by the index of each.
        SELECT
            c.tableoid AS class,
            c.oid, c.conname, c.contype, c.convalidated, c.conrelid, c.contypid, c.conindid, c.conparentid, c.coninhcount,
            NULL::text AS domain_ident
        FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid <> 0
            AND c.conrelid :among

        UNION ALL
        SELECT
            c.tableoid,
            c.oid, c.conname, c.contype, c.convalidated, c.conrelid, c.contypid, c.conindid, c.conparentid, c.coninhcount,
            d.ident
        FROM pg_catalog.pg_constraint AS c
        CROSS JOIN LATERAL (
            SELECT n.prefix || pg_catalog.quote_ident(t.typname) AS ident
            FROM pg_catalog.pg_type AS t
            JOIN namespaces AS n ON n.oid = t.typnamespace
            WHERE t.oid = c.contypid
            -- There are few, and it has an index.
            OFFSET 0
        ) AS d
        WHERE c.conrelid = 0
            AND c.contypid :among
    ) AS k
    LEFT JOIN relations AS r ON r.oid = k.conrelid
    WHERE (r.oid IS NOT NULL OR k.domain_ident IS NOT NULL)
        AND k.conparentid = 0
        AND k.coninhcount = 0
        -- PostgreSQL 18 stores NOT NULL here too; the column's line says it. Only an unvalidated
        -- one, which no older server can have, is a fact of its own.
        AND (k.contype IN ('c', 'f', 'p', 'u', 'x') OR (k.contype = 'n' AND NOT k.convalidated))
),
functions AS MATERIALIZED (
    SELECT
        p.tableoid AS class,
        p.oid, p.proowner, p.prolang, p.procost, p.prorows, p.prosupport, p.prokind, p.prosecdef, p.proleakproof,
        p.proisstrict, p.proretset, p.provolatile, p.proparallel, p.protrftypes, p.prosrc, p.probin, p.prosqlbody,
        p.proconfig, p.proacl,
        n.prefix || pg_catalog.quote_ident(p.proname)
            || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' AS ident,
        CASE p.prokind
            WHEN 'a' THEN 'aggregate'
            WHEN 'p' THEN 'procedure'
            ELSE 'function'
        END AS kind
    FROM pg_catalog.pg_proc AS p
    JOIN namespaces AS n ON n.oid = p.pronamespace
    -- Of a range type come constructors and a cast with it.
    WHERE p.oid > (SELECT 16383::oid)
        AND p.oid :among
        AND NOT EXISTS (
        SELECT 1
        FROM implied AS e
        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND e.objid = p.oid
    )
),
types AS MATERIALIZED (
    SELECT
        t.tableoid AS class,
        t.oid, t.typowner, t.typlen, t.typbyval, t.typtype, t.typcategory, t.typispreferred, t.typisdefined, t.typdelim,
        t.typrelid, t.typsubscript, t.typelem, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin,
        t.typmodout, t.typanalyze, t.typalign, t.typstorage, t.typnotnull, t.typbasetype, t.typtypmod, t.typcollation,
        t.typdefaultbin, t.typdefault, t.typacl,
        n.prefix || pg_catalog.quote_ident(t.typname) AS ident
    FROM pg_catalog.pg_type AS t
    JOIN namespaces AS n ON n.oid = t.typnamespace
    LEFT JOIN relations AS r ON r.oid = t.typrelid
    WHERE t.oid > (SELECT 16383::oid)
        AND t.oid :among
        AND (
            t.typtype IN ('e', 'd', 'r')
            OR (t.typtype = 'c' AND r.relkind = 'c')
            -- Made by hand, or not made yet; not the arrays of other types.
            OR (t.typtype = 'b' AND t.typsubscript <> 'pg_catalog.array_subscript_handler'::pg_catalog.regproc)
            OR NOT t.typisdefined
        )
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                AND e.objid = t.oid
                AND e.deptype = 'e'
        )
),
triggers AS MATERIALIZED (
    SELECT
        t.tableoid AS class,
        t.oid, t.tgrelid, t.tgparentid, t.tgenabled,
        r.ident || '.' || pg_catalog.quote_ident(t.tgname) AS ident
    FROM pg_catalog.pg_trigger AS t
    JOIN relations AS r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal
),
policies AS MATERIALIZED (
    SELECT
        p.tableoid AS class,
        p.oid, p.polrelid, p.polcmd, p.polpermissive, p.polroles, p.polqual, p.polwithcheck,
        r.ident || '.' || pg_catalog.quote_ident(p.polname) AS ident
    FROM pg_catalog.pg_policy AS p
    JOIN relations AS r ON r.oid = p.polrelid
),
rules AS MATERIALIZED (
    SELECT
        w.tableoid AS class,
        w.oid, w.ev_class, w.ev_enabled,
        r.ident || '.' || pg_catalog.quote_ident(w.rulename) AS ident
    FROM pg_catalog.pg_rewrite AS w
    JOIN relations AS r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'
),
-- :rare
publications AS MATERIALIZED (
    SELECT
        p.tableoid AS class,
        p.*,
        pg_catalog.quote_ident(p.pubname) AS ident
    FROM pg_catalog.pg_publication AS p
),
operators AS MATERIALIZED (
    SELECT
        o.tableoid AS class,
        o.oid, o.oprowner, o.oprcanmerge, o.oprcanhash, o.oprcom, o.oprnegate, o.oprcode, o.oprrest, o.oprjoin,
        n.prefix || o.oprname || '('
            || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END || ', '
            || CASE o.oprright WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprright, NULL) END || ')' AS ident
    FROM pg_catalog.pg_operator AS o
    JOIN namespaces AS n ON n.oid = o.oprnamespace
    WHERE o.oid > (SELECT 16383::oid)
),
operator_families AS MATERIALIZED (
    SELECT
        f.tableoid AS class,
        f.oid, f.opfowner,
        n.prefix || pg_catalog.quote_ident(f.opfname) || '(' || m.amname || ')' AS ident
    FROM pg_catalog.pg_opfamily AS f
    JOIN namespaces AS n ON n.oid = f.opfnamespace
    JOIN pg_catalog.pg_am AS m ON m.oid = f.opfmethod
),
-- :common
-- Everything that has a name, with owner and rights of its own where it has them: the default written out is what is left
-- where something was granted and revoked again, and says no more than nothing.
objects (kind, ident, class, object, owner, acl) AS MATERIALIZED (
    SELECT
        r.kind,
        r.ident,
        r.class,
        r.oid,
        CASE WHEN r.relkind IN ('r', 'p', 'f', 'v', 'm') THEN r.relowner END,
        CASE
            WHEN r.relkind IN ('r', 'p', 'f', 'v', 'm')
                AND NOT (
                    r.relacl @> pg_catalog.acldefault('r', r.relowner) AND r.relacl <@ pg_catalog.acldefault('r', r.relowner)
                )
                THEN r.relacl
        END
    FROM relations AS r
    WHERE r.relkind NOT IN ('S', 'c')

    UNION ALL
    SELECT
        CASE WHEN s.is_identity THEN 'identity' ELSE 'sequence' END,
        CASE WHEN s.is_identity THEN s.column_ident ELSE s.ident END,
        s.class,
        s.oid,
        -- One that belongs to a column has the owner of the table, whoever gets the table.
        CASE WHEN s.column_ident IS NULL THEN s.relowner END,
        CASE WHEN NOT (s.relacl @> pg_catalog.acldefault('s', s.relowner) AND s.relacl <@ pg_catalog.acldefault('s', s.relowner)) THEN s.relacl END
    FROM sequences AS s

    UNION ALL
    SELECT
        p.kind, p.ident, p.class, p.oid, p.proowner,
        CASE WHEN NOT (p.proacl @> pg_catalog.acldefault('f', p.proowner) AND p.proacl <@ pg_catalog.acldefault('f', p.proowner)) THEN p.proacl END
    FROM functions AS p

    UNION ALL
    SELECT
        'type', t.ident, t.class, t.oid, t.typowner,
        CASE WHEN NOT (t.typacl @> pg_catalog.acldefault('T', t.typowner) AND t.typacl <@ pg_catalog.acldefault('T', t.typowner)) THEN t.typacl END
    FROM types AS t

    UNION ALL
    SELECT
        'schema', pg_catalog.quote_ident(n.nspname), n.class, n.oid, n.nspowner,
        CASE WHEN NOT (n.nspacl @> pg_catalog.acldefault('n', n.nspowner) AND n.nspacl <@ pg_catalog.acldefault('n', n.nspowner)) THEN n.nspacl END
    FROM namespaces AS n

    UNION ALL
    SELECT 'constraint', k.ident, k.class, k.oid, NULL, NULL FROM constraints AS k
    UNION ALL
    SELECT 'trigger', t.ident, t.class, t.oid, NULL, NULL FROM triggers AS t WHERE t.tgparentid = 0
    UNION ALL
    SELECT 'policy', p.ident, p.class, p.oid, NULL, NULL FROM policies AS p
    UNION ALL
    SELECT 'rule', w.ident, w.class, w.oid, NULL, NULL FROM rules AS w
    -- :rare
    UNION ALL
    SELECT 'publication', p.ident, p.class, p.oid, p.pubowner, NULL FROM publications AS p
    UNION ALL
    SELECT 'operator', o.ident, o.class, o.oid, o.oprowner, NULL FROM operators AS o
    UNION ALL
    SELECT 'operator_family', f.ident, f.class, f.oid, f.opfowner, NULL FROM operator_families AS f
    UNION ALL
    SELECT
        'operator_class',
        n.prefix || pg_catalog.quote_ident(c.opcname) || '(' || m.amname || ')',
        c.tableoid,
        c.oid,
        c.opcowner,
        NULL
    FROM pg_catalog.pg_opclass AS c
    JOIN namespaces AS n ON n.oid = c.opcnamespace
    JOIN pg_catalog.pg_am AS m ON m.oid = c.opcmethod

    -- :common
    UNION ALL
    SELECT 'extension', pg_catalog.quote_ident(e.extname), e.tableoid, e.oid, NULL, NULL FROM pg_catalog.pg_extension AS e
    -- :rare
    UNION ALL
    SELECT
        'statistics', n.prefix || pg_catalog.quote_ident(s.stxname), s.tableoid, s.oid, s.stxowner, NULL
    FROM pg_catalog.pg_statistic_ext AS s
    JOIN namespaces AS n ON n.oid = s.stxnamespace
    WHERE s.stxrelid :among

    UNION ALL
    SELECT
        'collation', n.prefix || pg_catalog.quote_ident(c.collname), c.tableoid, c.oid, c.collowner, NULL
    FROM pg_catalog.pg_collation AS c
    JOIN namespaces AS n ON n.oid = c.collnamespace

    UNION ALL
    SELECT
        'conversion', n.prefix || pg_catalog.quote_ident(c.conname), c.tableoid, c.oid, c.conowner, NULL
    FROM pg_catalog.pg_conversion AS c
    JOIN namespaces AS n ON n.oid = c.connamespace

    UNION ALL
    SELECT
        'text_search_dictionary', n.prefix || pg_catalog.quote_ident(d.dictname), d.tableoid, d.oid, d.dictowner, NULL
    FROM pg_catalog.pg_ts_dict AS d
    JOIN namespaces AS n ON n.oid = d.dictnamespace

    UNION ALL
    SELECT
        'text_search_configuration', n.prefix || pg_catalog.quote_ident(c.cfgname), c.tableoid, c.oid, c.cfgowner, NULL
    FROM pg_catalog.pg_ts_config AS c
    JOIN namespaces AS n ON n.oid = c.cfgnamespace

    UNION ALL
    SELECT 'text_search_parser', n.prefix || pg_catalog.quote_ident(p.prsname), p.tableoid, p.oid, NULL, NULL
    FROM pg_catalog.pg_ts_parser AS p
    JOIN namespaces AS n ON n.oid = p.prsnamespace

    UNION ALL
    SELECT 'text_search_template', n.prefix || pg_catalog.quote_ident(t.tmplname), t.tableoid, t.oid, NULL, NULL
    FROM pg_catalog.pg_ts_template AS t
    JOIN namespaces AS n ON n.oid = t.tmplnamespace

    UNION ALL
    SELECT
        'event_trigger', pg_catalog.quote_ident(t.evtname), t.tableoid, t.oid, t.evtowner, NULL
    FROM pg_catalog.pg_event_trigger AS t

    UNION ALL
    SELECT
        'foreign_data_wrapper', pg_catalog.quote_ident(w.fdwname), w.tableoid, w.oid, w.fdwowner,
        CASE WHEN NOT (w.fdwacl @> pg_catalog.acldefault('F', w.fdwowner) AND w.fdwacl <@ pg_catalog.acldefault('F', w.fdwowner)) THEN w.fdwacl END
    FROM pg_catalog.pg_foreign_data_wrapper AS w

    UNION ALL
    SELECT
        'foreign_server', pg_catalog.quote_ident(s.srvname), s.tableoid, s.oid, s.srvowner,
        CASE WHEN NOT (s.srvacl @> pg_catalog.acldefault('S', s.srvowner) AND s.srvacl <@ pg_catalog.acldefault('S', s.srvowner)) THEN s.srvacl END
    FROM pg_catalog.pg_foreign_server AS s

    UNION ALL
    -- Those of the server itself have oids below 16384.
    SELECT
        'language', pg_catalog.quote_ident(l.lanname), l.tableoid, l.oid, l.lanowner,
        CASE WHEN NOT (l.lanacl @> pg_catalog.acldefault('l', l.lanowner) AND l.lanacl <@ pg_catalog.acldefault('l', l.lanowner)) THEN l.lanacl END
    FROM pg_catalog.pg_language AS l
    WHERE l.oid >= 16384
        OR l.lanacl IS NOT NULL

    UNION ALL
    SELECT 'access_method', pg_catalog.quote_ident(m.amname), m.tableoid, m.oid, NULL, NULL
    FROM pg_catalog.pg_am AS m
    WHERE m.oid >= 16384

    UNION ALL
    SELECT
        'cast',
        '(' || pg_catalog.format_type(c.castsource, NULL) || ' AS ' || pg_catalog.format_type(c.casttarget, NULL) || ')',
        c.tableoid,
        c.oid,
        NULL,
        NULL
    FROM pg_catalog.pg_cast AS c
    WHERE c.oid >= 16384

    UNION ALL
    SELECT
        'transform',
        '(' || pg_catalog.format_type(t.trftype, NULL) || ' LANGUAGE ' || pg_catalog.quote_ident(l.lanname) || ')',
        t.tableoid,
        t.oid,
        NULL,
        NULL
    FROM pg_catalog.pg_transform AS t
    JOIN pg_catalog.pg_language AS l ON l.oid = t.trflang
    -- :common
),
-- Without what belongs to an extension, which none of the above leaves out but relations, functions and types.
named AS MATERIALIZED (
    SELECT o.*
    FROM objects AS o
    WHERE NOT EXISTS (
        SELECT 1
        FROM implied AS e
        WHERE e.classid = o.class
            AND e.objid = o.object
    )
),
-- Values that nobody but their owner should see are left out of options, but not that they are there.
options (class, object, part, options) AS MATERIALIZED (
    SELECT
        f.class,
        f.object,
        f.part,
        ' options (' || pg_catalog.string_agg(
            pg_catalog.quote_ident(pg_catalog.split_part(o.option, '=', 1)) || ' '
                || CASE
                    WHEN pg_catalog.split_part(o.option, '=', 1) ~* '(pass|secret|token|key$|cert)' THEN '(hidden)'
                    ELSE pg_catalog.quote_literal(pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1))
                END,
            ', ' ORDER BY o.option COLLATE "C"
        ) || ')'
    FROM (
        SELECT 0::oid, 0::oid, 0, NULL::text[] WHERE false
        -- :rare
        UNION ALL
        SELECT w.tableoid, w.oid, 0, w.fdwoptions FROM pg_catalog.pg_foreign_data_wrapper AS w
        UNION ALL
        SELECT s.tableoid, s.oid, 0, s.srvoptions FROM pg_catalog.pg_foreign_server AS s
        UNION ALL
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, t.ftrelid, 0, t.ftoptions FROM pg_catalog.pg_foreign_table AS t
        UNION ALL
        SELECT a.class, a.attrelid, a.attnum, a.attfdwoptions FROM columns AS a WHERE a.attfdwoptions IS NOT NULL
        UNION ALL
        -- The catalog itself is for superusers only.
        SELECT 'pg_catalog.pg_user_mapping'::pg_catalog.regclass, u.umid, 0, u.umoptions FROM pg_catalog.pg_user_mappings AS u
        -- :common
    ) AS f (class, object, part, options)
    CROSS JOIN LATERAL pg_catalog.unnest(f.options) AS o (option)
    GROUP BY
        f.class,
        f.object,
        f.part
),
known_columns AS MATERIALIZED (
    SELECT
        a.*,
        i.is_implied,
        i.has_its_target,
        i.has_its_storage,
        i.has_its_compression,
        o.options
    FROM columns AS a
    -- There is none of the two without its column. The planner expects next to nothing of either, and would look through
    -- all of it for each column; a full join is always one by hash or by order.
    FULL JOIN inherited AS i ON i.attrelid = a.attrelid AND i.attnum = a.attnum
    FULL JOIN (
        SELECT o.object, o.part, o.options FROM options AS o WHERE o.part > 0
    ) AS o ON o.object = a.attrelid AND o.part = a.attnum
),
-- The text of a view, its white space outside quotes as one space each. Up to PostgreSQL 15 the columns of a view
-- over one table have its name before them, from 16 on they have not: outside subqueries it is left out.
raw_views AS MATERIALIZED (
    SELECT
        r.oid,
        -- What is in quotes is one piece with all that touches it, also where nothing comes after.
        ' ' || pg_catalog.rtrim(pg_catalog.regexp_replace(
            pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid, true), ';'),
            '\s*((?:''(?:[^'']|'''')*''|"(?:[^"]|"")*"|[^''"\s])+)\s*',
            '\1 ',
            'g'
        )) AS text
    FROM relations AS r
    WHERE r.relkind IN ('v', 'm')
),
-- The name of the one table of a view, on PostgreSQL 15: third in its list, after the view itself, twice.
aliases AS MATERIALIZED (
    SELECT
        w.ev_class,
        pg_catalog.quote_ident(COALESCE(
            (
                SELECT c.relname
                FROM pg_catalog.pg_class AS c
                WHERE c.oid = CASE WHEN t.entry LIKE ':alias <> %' THEN pg_catalog.substring(
                    pg_catalog.split_part(t.entry, ' :rtekind 0 :relid ', 2), '^[0-9]+'
                )::oid END
            ),
            pg_catalog.regexp_replace(
                pg_catalog.split_part(pg_catalog.split_part(t.entry, ':aliasname ', 2), ' :colnames ', 1),
                '\\(.)',
                '\1',
                'g'
            )
        )) AS name
    FROM pg_catalog.pg_rewrite AS w
    JOIN raw_views AS v ON v.oid = w.ev_class
    CROSS JOIN LATERAL (
        SELECT pg_catalog.split_part(
            -- After those of a WITH clause.
            pg_catalog.substr(
                w.ev_action::text,
                pg_catalog.strpos(w.ev_action::text, '{RANGETBLENTRY :alias {ALIAS :aliasname old :colnames <>}')
            ),
            '{RANGETBLENTRY ',
            4
        )
        WHERE pg_catalog.strpos(w.ev_action::text, ':fromlist ({RANGETBLREF :rtindex 3})') > 0
    ) AS t (entry)
    WHERE w.rulename = '_RETURN'
        AND pg_catalog.current_setting('server_version_num')::integer < 160000
),
view_texts AS MATERIALIZED (
    SELECT
        v.oid,
        CASE WHEN a.name IS NULL THEN v.text ELSE (
            WITH tokens AS MATERIALIZED (
                SELECT
                    t.place,
                    t.token[1] AS token,
                    sum(CASE t.token[1] WHEN '(' THEN 1 WHEN ')' THEN -1 ELSE 0 END) OVER (ORDER BY t.place) AS depth,
                    pg_catalog.lag(t.token[1], 2) OVER (ORDER BY t.place) AS before_that,
                    pg_catalog.lag(t.token[1]) OVER (ORDER BY t.place) AS before,
                    pg_catalog.lead(t.token[1]) OVER (ORDER BY t.place) AS after,
                    pg_catalog.lead(t.token[1], 2) OVER (ORDER BY t.place) AS after_that
                FROM pg_catalog.regexp_matches(
                    v.text, '''(?:[^'']|'''')*''|"(?:[^"]|"")*"|[[:alpha:]_][[:alnum:]_$]*|.', 'g'
                ) WITH ORDINALITY AS t (token, place)
            ),
            subqueries AS MATERIALIZED (
                SELECT
                    t.place,
                    (SELECT min(c.place) FROM tokens AS c WHERE c.place > t.place AND c.depth < t.depth) AS ending
                FROM tokens AS t
                WHERE t.token = '('
                    AND (
                        t.after IN ('SELECT', 'WITH', 'VALUES')
                        OR (t.after = ' ' AND t.after_that IN ('SELECT', 'WITH', 'VALUES'))
                    )
            )
            SELECT pg_catalog.string_agg(t.token, '' ORDER BY t.place)
            FROM tokens AS t
            -- At either end of the text there is nothing before or after.
            WHERE NOT COALESCE(
                    (t.token = a.name AND t.after = '.' AND t.before <> '.' AND t.after_that <> '*')
                    OR (t.token = '.' AND t.before = a.name AND t.before_that <> '.' AND t.after <> '*'),
                    false
                )
                OR EXISTS (SELECT 1 FROM subqueries AS q WHERE t.place BETWEEN q.place AND q.ending)
        ) END AS text
    FROM raw_views AS v
    LEFT JOIN aliases AS a ON a.ev_class = v.oid
),
facts (line, class, object, part) AS (
    SELECT 'schema ' || pg_catalog.quote_ident(n.nspname), n.class, n.oid, 0
    FROM namespaces AS n
    WHERE n.nspname <> pg_catalog.current_schema()
        AND n.nspname <> 'public'

    UNION ALL
    SELECT 'extension ' || o.ident, o.class, o.object, 0
    FROM named AS o
    WHERE o.kind = 'extension'
        AND o.ident <> 'plpgsql'

    UNION ALL
    SELECT
        'type ' || t.ident || CASE
            WHEN NOT t.typisdefined THEN ' shell'
            WHEN t.typtype = 'e' THEN ' enum (' || COALESCE((
                SELECT pg_catalog.string_agg(pg_catalog.quote_literal(v.enumlabel), ', ' ORDER BY v.enumsortorder)
                FROM pg_catalog.pg_enum AS v
                WHERE v.enumtypid = t.oid
            ), '') || ')'
            WHEN t.typtype = 'd' THEN ' domain ' || pg_catalog.format_type(t.typbasetype, t.typtypmod)
                || CASE
                    WHEN t.typcollation <> b.typcollation
                        THEN ' collate ' || t.typcollation::pg_catalog.regcollation::text
                    ELSE ''
                END
                || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END
                || COALESCE(' default ' || pg_catalog.pg_get_expr(t.typdefaultbin, 0), '')
            WHEN t.typtype = 'c' THEN ' composite (' || COALESCE((
                SELECT pg_catalog.string_agg(
                    pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
                        || CASE
                            WHEN a.attcollation <> y.typcollation AND a.attcollation <> 0
                                THEN ' collate ' || a.attcollation::pg_catalog.regcollation::text
                            ELSE ''
                        END,
                    ', ' ORDER BY a.attnum
                )
                FROM pg_catalog.pg_attribute AS a
                JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                WHERE a.attrelid = t.typrelid
                    AND a.attnum > 0
                    AND NOT a.attisdropped
            ), '') || ')'
            WHEN t.typtype = 'r' THEN ' range (' || (
                SELECT
                    'subtype = ' || pg_catalog.format_type(g.rngsubtype, NULL)
                        || CASE
                            WHEN c.opcdefault THEN ''
                            ELSE ', subtype_opclass = ' || k.nspname || '.' || pg_catalog.quote_ident(c.opcname)
                        END
                        || CASE
                            WHEN g.rngcollation <> s.typcollation
                                THEN ', collation = ' || g.rngcollation::pg_catalog.regcollation::text
                            ELSE ''
                        END
                        || CASE
                            WHEN g.rngcanonical::oid <> 0 THEN ', canonical = ' || g.rngcanonical::pg_catalog.regproc::text
                            ELSE ''
                        END
                        || CASE
                            WHEN g.rngsubdiff::oid <> 0 THEN ', subtype_diff = ' || g.rngsubdiff::pg_catalog.regproc::text
                            ELSE ''
                        END
                        || ', multirange_type_name = ' || pg_catalog.format_type(g.rngmultitypid, NULL)
                FROM pg_catalog.pg_range AS g
                JOIN pg_catalog.pg_type AS s ON s.oid = g.rngsubtype
                JOIN pg_catalog.pg_opclass AS c ON c.oid = g.rngsubopc
                JOIN pg_catalog.pg_namespace AS k ON k.oid = c.opcnamespace
                WHERE g.rngtypid = t.oid
            ) || ')'
            ELSE ' base (input = ' || t.typinput::pg_catalog.regprocedure::text
                || ', output = ' || t.typoutput::pg_catalog.regprocedure::text
                || CASE WHEN t.typreceive::oid <> 0 THEN ', receive = ' || t.typreceive::pg_catalog.regprocedure::text ELSE '' END
                || CASE WHEN t.typsend::oid <> 0 THEN ', send = ' || t.typsend::pg_catalog.regprocedure::text ELSE '' END
                || CASE WHEN t.typmodin::oid <> 0 THEN ', typmod_in = ' || t.typmodin::pg_catalog.regprocedure::text ELSE '' END
                || CASE WHEN t.typmodout::oid <> 0 THEN ', typmod_out = ' || t.typmodout::pg_catalog.regprocedure::text ELSE '' END
                || CASE WHEN t.typanalyze::oid <> 0 THEN ', analyze = ' || t.typanalyze::pg_catalog.regprocedure::text ELSE '' END
                || CASE
                    WHEN t.typsubscript::oid <> 0 THEN ', subscript = ' || t.typsubscript::pg_catalog.regprocedure::text
                    ELSE ''
                END
                || ', internallength = ' || t.typlen || CASE WHEN t.typbyval THEN ', passedbyvalue' ELSE '' END
                || ', alignment = ' || t.typalign::text || ', storage = ' || t.typstorage::text
                || ', category = ' || pg_catalog.quote_literal(t.typcategory::text)
                || CASE WHEN t.typispreferred THEN ', preferred' ELSE '' END
                || COALESCE(', default = ' || pg_catalog.quote_literal(t.typdefault), '')
                || CASE WHEN t.typelem <> 0 THEN ', element = ' || pg_catalog.format_type(t.typelem, NULL) ELSE '' END
                || CASE WHEN t.typdelim <> ',' THEN ', delimiter = ' || pg_catalog.quote_literal(t.typdelim::text) ELSE '' END
                || CASE WHEN t.typcollation <> 0 THEN ', collatable' ELSE '' END || ')'
        END,
        t.class,
        t.oid,
        0
    FROM types AS t
    LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype

    UNION ALL
    SELECT
        'table ' || r.ident
            || CASE WHEN r.relpersistence = 'u' THEN ' unlogged' ELSE '' END
            || CASE WHEN r.reloftype <> 0 THEN ' of ' || pg_catalog.format_type(r.reloftype, NULL) ELSE '' END
            || COALESCE(' using ' || (
                SELECT pg_catalog.quote_ident(m.amname)
                FROM pg_catalog.pg_am AS m
                WHERE m.oid = r.relam
                    AND m.amname <> 'heap'
            ), '')
            || CASE WHEN r.relkind = 'f' THEN ' foreign ' || (
                SELECT pg_catalog.quote_ident(s.srvname)
                FROM pg_catalog.pg_foreign_table AS f
                JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
                WHERE f.ftrelid = r.oid
            ) ELSE '' END
            || CASE WHEN r.relkind = 'p' THEN ' partition by ' || pg_catalog.pg_get_partkeydef(r.oid) ELSE '' END
            || CASE WHEN r.relispartition THEN (
                    SELECT
                        ' partition of ' || i.inhparent::pg_catalog.regclass::text || ' '
                            || pg_catalog.pg_get_expr(r.relpartbound, r.oid)
                            || CASE WHEN i.inhdetachpending THEN ' detach pending' ELSE '' END
                    FROM pg_catalog.pg_inherits AS i
                    WHERE i.inhrelid = r.oid
                )
                ELSE COALESCE((
                    SELECT ' inherits (' || pg_catalog.string_agg(
                        i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno
                    ) || ')'
                    FROM pg_catalog.pg_inherits AS i
                    WHERE i.inhrelid = r.oid
                ), '')
            END
            || COALESCE(r.options, ''),
        r.class,
        r.oid,
        0
    FROM (
        -- A full join, as above; the fence keeps what is asked outside from making another join of it.
        SELECT r.*, o.options
        FROM relations AS r
        FULL JOIN (
            SELECT o.object, o.options
            FROM options AS o
            WHERE o.class = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND o.part = 0
        ) AS o ON o.object = r.oid
        OFFSET 0
    ) AS r
    WHERE r.kind = 'table'

    UNION ALL
    SELECT
        'row_security ' || r.ident || CASE
            WHEN r.relrowsecurity AND r.relforcerowsecurity THEN ' enabled forced'
            WHEN r.relrowsecurity THEN ' enabled'
            ELSE ' forced'
        END,
        r.class,
        r.oid,
        0
    FROM relations AS r
    WHERE r.relrowsecurity OR r.relforcerowsecurity

    UNION ALL
    SELECT
        'column ' || a.ident || ' ' || CASE a.attidentity
            WHEN 'a' THEN a.definition || ' generated always as identity'
            WHEN 'd' THEN a.definition || ' generated by default as identity'
            ELSE a.definition
        END || COALESCE(a.options, ''),
        a.class,
        a.attrelid,
        a.attnum
    FROM known_columns AS a
    WHERE a.table_kind = 'table'
        AND (a.is_implied IS DISTINCT FROM true OR a.options IS NOT NULL)

    UNION ALL
    -- The sequence behind an identity column, where it is not as GENERATED AS IDENTITY alone makes it.
    SELECT
        'identity ' || s.column_ident || ' start ' || q.seqstart || ' increment ' || q.seqincrement
            || ' minvalue ' || q.seqmin || ' maxvalue ' || q.seqmax || ' cache ' || q.seqcache
            || CASE WHEN q.seqcycle THEN ' cycle' ELSE '' END,
        s.class,
        s.oid,
        0
    FROM sequences AS s
    JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid
    WHERE s.is_identity
        AND (q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle) <> (
            1,
            1,
            1,
            CASE q.seqtypid
                WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                ELSE 9223372036854775807
            END,
            1,
            false
        )

    UNION ALL
    SELECT 'constraint ' || k.ident || ' ' || pg_catalog.pg_get_constraintdef(k.oid), k.class, k.oid, 0
    FROM constraints AS k

    UNION ALL
    -- DISABLE TRIGGER ALL switches off foreign keys as well, without a trace in the constraint.
    SELECT DISTINCT 'constraint_disabled ' || k.ident, k.class, k.oid, 0
    FROM pg_catalog.pg_trigger AS t
    JOIN constraints AS k ON k.oid = t.tgconstraint
    WHERE t.tgisinternal
        AND t.tgenabled <> 'O'

    UNION ALL
    SELECT
        'index ' || r.ident || ' ' || CASE
            WHEN r.reloptions IS NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid, 0, true)
            ELSE pg_catalog.replace(
                pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
                ' WITH (' || (
                    SELECT pg_catalog.string_agg(
                        pg_catalog.quote_ident(pg_catalog.split_part(o.option, '=', 1)) || '='
                            || CASE
                                WHEN pg_catalog.quote_ident(v.value) = v.value THEN v.value
                                ELSE pg_catalog.quote_literal(v.value)
                            END,
                        ', ' ORDER BY o.place
                    )
                    FROM pg_catalog.unnest(r.reloptions) WITH ORDINALITY AS o (option, place)
                    CROSS JOIN LATERAL (
                        SELECT pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1)
                    ) AS v (value)
                ) || ')',
                ''
            )
        END || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END,
        r.class,
        r.oid,
        0
    FROM pg_catalog.pg_index AS i
    JOIN relations AS r ON r.oid = i.indexrelid
    WHERE NOT r.relispartition
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_constraint AS k
            -- Of the same table, which there is an index for.
            WHERE k.conrelid = i.indrelid
                AND k.conindid = i.indexrelid
                AND k.contype IN ('p', 'u', 'x')
        )

    UNION ALL
    SELECT
        r.kind || ' ' || r.ident || ' as' || v.text,
        r.class,
        r.oid,
        0
    FROM relations AS r
    JOIN view_texts AS v ON v.oid = r.oid

    UNION ALL
    SELECT
        'rule ' || w.ident || ' '
            || pg_catalog.rtrim(pg_catalog.regexp_replace(
                pg_catalog.rtrim(pg_catalog.pg_get_ruledef(w.oid, true), ';'),
                '\s*((?:''(?:[^'']|'''')*''|"(?:[^"]|"")*"|[^''"\s])+)\s*',
                '\1 ',
                'g'
            ))
            || CASE w.ev_enabled WHEN 'O' THEN '' ELSE ' enabled ' || w.ev_enabled::text END,
        w.class,
        w.oid,
        0
    FROM rules AS w

    UNION ALL
    SELECT
        'trigger ' || t.ident || ' ' || pg_catalog.pg_get_triggerdef(t.oid, true)
            || CASE t.tgenabled
                WHEN 'O' THEN ''
                WHEN 'D' THEN ' DISABLED'
                WHEN 'A' THEN ' ENABLED ALWAYS'
                ELSE ' ENABLED REPLICA'
            END,
        t.class,
        t.oid,
        0
    FROM triggers AS t
    WHERE t.tgparentid = 0

    UNION ALL
    -- Of a partition's trigger, where it is not switched on or off as its parent's.
    SELECT
        'trigger_state ' || t.ident || CASE t.tgenabled
            WHEN 'O' THEN ' ENABLED'
            WHEN 'D' THEN ' DISABLED'
            WHEN 'A' THEN ' ENABLED ALWAYS'
            ELSE ' ENABLED REPLICA'
        END,
        t.class,
        t.oid,
        0
    FROM triggers AS t
    JOIN pg_catalog.pg_trigger AS p ON p.oid = t.tgparentid
    WHERE p.tgenabled <> t.tgenabled

    UNION ALL
    SELECT
        'policy ' || p.ident
            || CASE WHEN p.polpermissive THEN ' PERMISSIVE' ELSE ' RESTRICTIVE' END
            || ' FOR ' || CASE p.polcmd
                WHEN 'r' THEN 'SELECT'
                WHEN 'a' THEN 'INSERT'
                WHEN 'w' THEN 'UPDATE'
                WHEN 'd' THEN 'DELETE'
                ELSE 'ALL'
            END
            || ' TO ' || (
                SELECT pg_catalog.string_agg(
                    CASE WHEN o.oid = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.oid)) END,
                    ', ' ORDER BY pg_catalog.pg_get_userbyid(o.oid)
                )
                FROM pg_catalog.unnest(p.polroles) AS o (oid)
            )
            || COALESCE(' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
            || COALESCE(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
        p.class,
        p.oid,
        0
    FROM policies AS p

    UNION ALL
    SELECT
        p.kind || ' ' || p.ident || ' (' || pg_catalog.pg_get_function_arguments(p.oid) || ')'
            || COALESCE(' returns ' || pg_catalog.pg_get_function_result(p.oid), '')
            || ' language ' || pg_catalog.quote_ident(l.lanname)
            || CASE WHEN p.prokind = 'w' THEN ' window' ELSE '' END
            || CASE p.provolatile WHEN 'i' THEN ' immutable' WHEN 's' THEN ' stable' ELSE '' END
            || CASE WHEN p.proisstrict THEN ' strict' ELSE '' END
            || CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END
            || CASE WHEN p.proleakproof THEN ' leakproof' ELSE '' END
            || CASE p.proparallel WHEN 's' THEN ' parallel safe' WHEN 'r' THEN ' parallel restricted' ELSE '' END
            || CASE
                WHEN p.procost = CASE WHEN l.lanname IN ('c', 'internal') THEN 1 ELSE 100 END THEN ''
                ELSE ' cost ' || p.procost
            END
            || CASE
                WHEN p.prorows = CASE WHEN p.proretset THEN 1000 ELSE 0 END THEN ''
                ELSE ' rows ' || p.prorows
            END
            || CASE WHEN p.prosupport::oid <> 0 THEN ' support ' || p.prosupport::pg_catalog.regproc::text ELSE '' END
            || COALESCE(' transform ' || (
                SELECT pg_catalog.string_agg('for type ' || pg_catalog.format_type(y.oid, NULL), ', ' ORDER BY y.place)
                FROM pg_catalog.unnest(p.protrftypes) WITH ORDINALITY AS y (oid, place)
            ), '')
            || COALESCE(' set ' || pg_catalog.array_to_string(p.proconfig, ' set '), '')
            || CASE
                WHEN p.prosqlbody IS NOT NULL THEN ' ' || pg_catalog.pg_get_function_sqlbody(p.oid)
                WHEN l.lanname IN ('c', 'internal') THEN ' as ' || COALESCE(p.probin || ', ', '') || p.prosrc
                ELSE ' as ' || p.prosrc
            END,
        p.class,
        p.oid,
        0
    FROM functions AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.prokind <> 'a'

    UNION ALL
    SELECT
        'aggregate ' || p.ident || ' (' || pg_catalog.pg_get_function_arguments(p.oid) || ')'
            || ' returns ' || pg_catalog.pg_get_function_result(p.oid)
            || CASE g.aggkind WHEN 'o' THEN ' ordered set' WHEN 'h' THEN ' hypothetical set' ELSE '' END
            || ' sfunc ' || g.aggtransfn::pg_catalog.regprocedure::text
            || ' stype ' || pg_catalog.format_type(g.aggtranstype, NULL)
            || CASE WHEN g.aggtransspace <> 0 THEN ' sspace ' || g.aggtransspace ELSE '' END
            || CASE
                WHEN g.aggfinalfn::oid <> 0 THEN ' finalfunc ' || g.aggfinalfn::pg_catalog.regprocedure::text
                    || CASE WHEN g.aggfinalextra THEN ' extra' ELSE '' END
                    || CASE
                        WHEN g.aggfinalmodify = CASE g.aggkind WHEN 'n' THEN 'r' ELSE 'w' END THEN ''
                        ELSE ' modify ' || g.aggfinalmodify::text
                    END
                ELSE ''
            END
            || CASE WHEN g.aggcombinefn::oid <> 0 THEN ' combinefunc ' || g.aggcombinefn::pg_catalog.regprocedure::text ELSE '' END
            || CASE WHEN g.aggserialfn::oid <> 0 THEN ' serialfunc ' || g.aggserialfn::pg_catalog.regprocedure::text ELSE '' END
            || CASE
                WHEN g.aggdeserialfn::oid <> 0 THEN ' deserialfunc ' || g.aggdeserialfn::pg_catalog.regprocedure::text
                ELSE ''
            END
            || COALESCE(' initcond ' || pg_catalog.quote_literal(g.agginitval), '')
            || CASE
                WHEN g.aggmtransfn::oid <> 0 THEN ' msfunc ' || g.aggmtransfn::pg_catalog.regprocedure::text
                    || ' minvfunc ' || g.aggminvtransfn::pg_catalog.regprocedure::text
                    || ' mstype ' || pg_catalog.format_type(g.aggmtranstype, NULL)
                    || CASE WHEN g.aggmtransspace <> 0 THEN ' msspace ' || g.aggmtransspace ELSE '' END
                    || CASE
                        WHEN g.aggmfinalfn::oid <> 0 THEN ' mfinalfunc ' || g.aggmfinalfn::pg_catalog.regprocedure::text
                            || CASE WHEN g.aggmfinalextra THEN ' extra' ELSE '' END
                            || CASE
                                WHEN g.aggmfinalmodify = CASE g.aggkind WHEN 'n' THEN 'r' ELSE 'w' END THEN ''
                                ELSE ' modify ' || g.aggmfinalmodify::text
                            END
                        ELSE ''
                    END
                ELSE ''
            END
            || COALESCE(' minitcond ' || pg_catalog.quote_literal(g.aggminitval), '')
            || CASE WHEN g.aggsortop <> 0 THEN ' sortop ' || g.aggsortop::pg_catalog.regoperator::text ELSE '' END
            || CASE p.proparallel WHEN 's' THEN ' parallel safe' WHEN 'r' THEN ' parallel restricted' ELSE '' END,
        p.class,
        p.oid,
        0
    FROM functions AS p
    JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid::oid = p.oid

    UNION ALL
    SELECT
        'sequence ' || s.ident || ' as ' || pg_catalog.format_type(q.seqtypid, NULL)
            || ' start ' || q.seqstart || ' increment ' || q.seqincrement
            || ' minvalue ' || q.seqmin || ' maxvalue ' || q.seqmax || ' cache ' || q.seqcache
            || CASE WHEN q.seqcycle THEN ' cycle' ELSE '' END
            || CASE WHEN s.relpersistence = 'u' AND s.column_ident IS NULL THEN ' unlogged' ELSE '' END
            || COALESCE(' owned by ' || s.column_ident, ''),
        s.class,
        s.oid,
        0
    FROM sequences AS s
    JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid
    WHERE s.is_identity IS DISTINCT FROM true

    -- :rare
    UNION ALL
    SELECT
        'statistics ' || o.ident
            || ' (' || pg_catalog.array_to_string(s.stxkind, ', ') || ')'
            || ' ON ' || pg_catalog.pg_get_statisticsobjdef_columns(s.oid)
            || ' FROM ' || r.ident,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_statistic_ext AS s ON s.oid = o.object
    JOIN relations AS r ON r.oid = s.stxrelid
    WHERE o.kind = 'statistics'

    UNION ALL
    SELECT
        'event_trigger ' || o.ident || ' on ' || t.evtevent
            || COALESCE(' when tag in (' || pg_catalog.array_to_string(t.evttags, ', ') || ')', '')
            || ' execute ' || t.evtfoid::pg_catalog.regprocedure::text
            || CASE t.evtenabled WHEN 'O' THEN '' ELSE ' enabled ' || t.evtenabled::text END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_event_trigger AS t ON t.oid = o.object
    WHERE o.kind = 'event_trigger'

    UNION ALL
    SELECT
        'publication ' || p.ident
            || CASE WHEN p.puballtables THEN ' for all tables' ELSE '' END
            || CASE WHEN p.pubinsert THEN ' insert' ELSE '' END
            || CASE WHEN p.pubupdate THEN ' update' ELSE '' END
            || CASE WHEN p.pubdelete THEN ' delete' ELSE '' END
            || CASE WHEN p.pubtruncate THEN ' truncate' ELSE '' END
            || CASE WHEN p.pubviaroot THEN ' via root' ELSE '' END
            -- Since PostgreSQL 18.
            || CASE pg_catalog.to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN ' generated columns stored' ELSE '' END,
        p.class,
        p.oid,
        0
    FROM publications AS p

    UNION ALL
    SELECT
        'publication_table ' || p.ident || '.' || r.ident
            || COALESCE(' where ' || pg_catalog.pg_get_expr(m.prqual, m.prrelid), '')
            || COALESCE(' columns (' || (
                SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = m.prrelid
                    AND a.attnum = ANY (m.prattrs::int2[])
            ) || ')', ''),
        m.tableoid,
        m.oid,
        0
    FROM pg_catalog.pg_publication_rel AS m
    JOIN publications AS p ON p.oid = m.prpubid
    JOIN relations AS r ON r.oid = m.prrelid

    UNION ALL
    SELECT
        'publication_schema ' || p.ident || '.' || pg_catalog.quote_ident(n.nspname),
        m.tableoid,
        m.oid,
        0
    FROM pg_catalog.pg_publication_namespace AS m
    JOIN publications AS p ON p.oid = m.pnpubid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = m.pnnspid

    UNION ALL
    SELECT
        'foreign_data_wrapper ' || o.ident
            || CASE WHEN w.fdwhandler <> 0 THEN ' handler ' || w.fdwhandler::pg_catalog.regproc::text ELSE '' END
            || CASE WHEN w.fdwvalidator <> 0 THEN ' validator ' || w.fdwvalidator::pg_catalog.regproc::text ELSE '' END
            || COALESCE(p.options, ''),
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = o.object
    LEFT JOIN options AS p ON p.class = o.class AND p.object = o.object
    WHERE o.kind = 'foreign_data_wrapper'

    UNION ALL
    SELECT
        'foreign_server ' || o.ident
            || COALESCE(' type ' || pg_catalog.quote_literal(s.srvtype), '')
            || COALESCE(' version ' || pg_catalog.quote_literal(s.srvversion), '')
            || ' wrapper ' || pg_catalog.quote_ident(w.fdwname)
            || COALESCE(p.options, ''),
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_foreign_server AS s ON s.oid = o.object
    JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
    LEFT JOIN options AS p ON p.class = o.class AND p.object = o.object
    WHERE o.kind = 'foreign_server'

    UNION ALL
    SELECT
        'operator ' || o.ident || ' ' || o.oprcode::pg_catalog.regprocedure::text
            || CASE WHEN o.oprcom <> 0 THEN ' commutator ' || o.oprcom::pg_catalog.regoperator::text ELSE '' END
            || CASE WHEN o.oprnegate <> 0 THEN ' negator ' || o.oprnegate::pg_catalog.regoperator::text ELSE '' END
            || CASE WHEN o.oprrest::oid <> 0 THEN ' restrict ' || o.oprrest::pg_catalog.regproc::text ELSE '' END
            || CASE WHEN o.oprjoin::oid <> 0 THEN ' join ' || o.oprjoin::pg_catalog.regproc::text ELSE '' END
            || CASE WHEN o.oprcanhash THEN ' hashes' ELSE '' END
            || CASE WHEN o.oprcanmerge THEN ' merges' ELSE '' END,
        o.class,
        o.oid,
        0
    FROM operators AS o
    JOIN named AS e ON e.class = o.class AND e.object = o.oid

    UNION ALL
    SELECT
        'operator_family ' || f.ident
            || COALESCE((
                SELECT pg_catalog.string_agg(
                    ' operator ' || m.amopstrategy || ' ' || m.amopopr::pg_catalog.regoperator::text
                        || CASE
                            WHEN m.amopsortfamily <> 0
                                THEN ' for order by ' || (
                                    SELECT pg_catalog.quote_ident(s.opfname)
                                    FROM pg_catalog.pg_opfamily AS s
                                    WHERE s.oid = m.amopsortfamily
                                )
                            ELSE ''
                        END,
                    '' ORDER BY m.amopstrategy, m.amopopr::pg_catalog.regoperator::text COLLATE "C"
                )
                FROM pg_catalog.pg_amop AS m
                WHERE m.amopfamily = f.oid
            ), '')
            || COALESCE((
                SELECT pg_catalog.string_agg(
                    ' function ' || m.amprocnum || ' (' || pg_catalog.format_type(m.amproclefttype, NULL) || ', '
                        || pg_catalog.format_type(m.amprocrighttype, NULL) || ') '
                        || m.amproc::pg_catalog.regprocedure::text,
                    '' ORDER BY
                        m.amprocnum,
                        pg_catalog.format_type(m.amproclefttype, NULL) COLLATE "C",
                        pg_catalog.format_type(m.amprocrighttype, NULL) COLLATE "C"
                )
                FROM pg_catalog.pg_amproc AS m
                WHERE m.amprocfamily = f.oid
            ), ''),
        f.class,
        f.oid,
        0
    FROM operator_families AS f
    JOIN named AS e ON e.class = f.class AND e.object = f.oid

    UNION ALL
    SELECT
        'operator_class ' || o.ident
            || CASE WHEN c.opcdefault THEN ' default' ELSE '' END
            || ' for type ' || pg_catalog.format_type(c.opcintype, NULL)
            || ' family ' || pg_catalog.quote_ident(f.opfname)
            || CASE WHEN c.opckeytype <> 0 THEN ' storage ' || pg_catalog.format_type(c.opckeytype, NULL) ELSE '' END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_opclass AS c ON c.oid = o.object
    JOIN pg_catalog.pg_opfamily AS f ON f.oid = c.opcfamily
    WHERE o.kind = 'operator_class'

    UNION ALL
    -- The locale has another column name from version to version.
    SELECT
        'collation ' || o.ident || ' provider ' || CASE c.collprovider
            WHEN 'c' THEN 'libc'
            WHEN 'i' THEN 'icu'
            WHEN 'b' THEN 'builtin'
            ELSE c.collprovider::text
        END
            || COALESCE(' locale ' || pg_catalog.quote_literal(COALESCE(j.row ->> 'colllocale', j.row ->> 'colliculocale')), '')
            || COALESCE(' lc_collate ' || pg_catalog.quote_literal(c.collcollate), '')
            || COALESCE(' lc_ctype ' || pg_catalog.quote_literal(c.collctype), '')
            || COALESCE(' rules ' || pg_catalog.quote_literal(j.row ->> 'collicurules'), '')
            || CASE WHEN c.collisdeterministic THEN '' ELSE ' not deterministic' END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_collation AS c ON c.oid = o.object
    CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(c)) AS j (row)
    WHERE o.kind = 'collation'

    UNION ALL
    SELECT
        'conversion ' || o.ident || CASE WHEN c.condefault THEN ' default' ELSE '' END
            || ' for ' || pg_catalog.pg_encoding_to_char(c.conforencoding)
            || ' to ' || pg_catalog.pg_encoding_to_char(c.contoencoding)
            || ' from ' || c.conproc::pg_catalog.regproc::text,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_conversion AS c ON c.oid = o.object
    WHERE o.kind = 'conversion'

    UNION ALL
    SELECT
        'text_search_dictionary ' || o.ident || ' template ' || k.nspname || '.' || pg_catalog.quote_ident(t.tmplname)
            || COALESCE(' (' || d.dictinitoption || ')', ''),
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_ts_dict AS d ON d.oid = o.object
    JOIN pg_catalog.pg_ts_template AS t ON t.oid = d.dicttemplate
    JOIN pg_catalog.pg_namespace AS k ON k.oid = t.tmplnamespace
    WHERE o.kind = 'text_search_dictionary'

    UNION ALL
    SELECT
        'text_search_configuration ' || o.ident || ' parser ' || k.nspname || '.' || pg_catalog.quote_ident(p.prsname)
            || COALESCE((
                SELECT pg_catalog.string_agg(
                    ' ' || y.alias || ' with ' || m.dictionaries, '' ORDER BY y.alias COLLATE "C"
                )
                FROM (
                    SELECT
                        m.maptokentype,
                        pg_catalog.string_agg(m.mapdict::pg_catalog.regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries
                    FROM pg_catalog.pg_ts_config_map AS m
                    WHERE m.mapcfg = c.oid
                    GROUP BY m.maptokentype
                ) AS m
                JOIN pg_catalog.ts_token_type(c.cfgparser) AS y ON y.tokid = m.maptokentype
            ), ''),
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_ts_config AS c ON c.oid = o.object
    JOIN pg_catalog.pg_ts_parser AS p ON p.oid = c.cfgparser
    JOIN pg_catalog.pg_namespace AS k ON k.oid = p.prsnamespace
    WHERE o.kind = 'text_search_configuration'

    UNION ALL
    SELECT
        'text_search_parser ' || o.ident || ' start ' || p.prsstart::pg_catalog.regproc::text
            || ' gettoken ' || p.prstoken::pg_catalog.regproc::text || ' end ' || p.prsend::pg_catalog.regproc::text
            || CASE WHEN p.prsheadline::oid <> 0 THEN ' headline ' || p.prsheadline::pg_catalog.regproc::text ELSE '' END
            || ' lextypes ' || p.prslextype::pg_catalog.regproc::text,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_ts_parser AS p ON p.oid = o.object
    WHERE o.kind = 'text_search_parser'

    UNION ALL
    SELECT
        'text_search_template ' || o.ident
            || CASE WHEN t.tmplinit::oid <> 0 THEN ' init ' || t.tmplinit::pg_catalog.regproc::text ELSE '' END
            || ' lexize ' || t.tmpllexize::pg_catalog.regproc::text,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_ts_template AS t ON t.oid = o.object
    WHERE o.kind = 'text_search_template'

    UNION ALL
    SELECT
        'language ' || o.ident || CASE WHEN l.lanpltrusted THEN ' trusted' ELSE '' END
            || CASE WHEN l.lanplcallfoid <> 0 THEN ' handler ' || l.lanplcallfoid::pg_catalog.regproc::text ELSE '' END
            || CASE WHEN l.laninline <> 0 THEN ' inline ' || l.laninline::pg_catalog.regproc::text ELSE '' END
            || CASE WHEN l.lanvalidator <> 0 THEN ' validator ' || l.lanvalidator::pg_catalog.regproc::text ELSE '' END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_language AS l ON l.oid = o.object
    WHERE o.kind = 'language'
        AND l.oid >= 16384

    UNION ALL
    SELECT
        'access_method ' || o.ident || ' type ' || m.amtype::text || ' handler ' || m.amhandler::pg_catalog.regproc::text,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_am AS m ON m.oid = o.object
    WHERE o.kind = 'access_method'

    UNION ALL
    SELECT
        'cast ' || o.ident
            || CASE c.castmethod
                WHEN 'b' THEN ' without function'
                WHEN 'i' THEN ' with inout'
                ELSE ' with function ' || c.castfunc::pg_catalog.regprocedure::text
            END
            || CASE c.castcontext WHEN 'a' THEN ' as assignment' WHEN 'i' THEN ' as implicit' ELSE '' END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_cast AS c ON c.oid = o.object
    WHERE o.kind = 'cast'

    UNION ALL
    SELECT
        'transform ' || o.ident
            || CASE WHEN t.trffromsql::oid <> 0 THEN ' from sql ' || t.trffromsql::pg_catalog.regprocedure::text ELSE '' END
            || CASE WHEN t.trftosql::oid <> 0 THEN ' to sql ' || t.trftosql::pg_catalog.regprocedure::text ELSE '' END,
        o.class,
        o.object,
        0
    FROM named AS o
    JOIN pg_catalog.pg_transform AS t ON t.oid = o.object
    WHERE o.kind = 'transform'

    -- Settings, each with a key of its own.
    -- :common
    UNION ALL
    SELECT
        r.kind || '_setting ' || r.ident || ' ' || pg_catalog.split_part(o.option, '=', 1) || ' '
            || pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1),
        r.class,
        r.oid,
        0
    FROM relations AS r
    CROSS JOIN LATERAL pg_catalog.unnest(r.reloptions) AS o (option)
    -- Of an index all: its access method may come from an extension.
    WHERE r.kind = 'index'
        OR EXISTS (
            SELECT 1
            FROM settable AS s
            WHERE s.catalog = 'pg_class'
                AND s.name = pg_catalog.split_part(o.option, '=', 1)
        )

    UNION ALL
    SELECT
        r.kind || '_setting ' || r.ident || ' toast.' || pg_catalog.split_part(o.option, '=', 1) || ' '
            || pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1),
        r.class,
        r.oid,
        0
    FROM relations AS r
    JOIN pg_catalog.pg_class AS t ON t.oid = r.reltoastrelid
    CROSS JOIN LATERAL pg_catalog.unnest(t.reloptions) AS o (option)
    JOIN settable AS s ON s.catalog = 'pg_class' AND s.name = pg_catalog.split_part(o.option, '=', 1)

    UNION ALL
    SELECT
        'table_setting ' || r.ident || ' replica_identity ' || CASE r.relreplident
            WHEN 'f' THEN 'full'
            ELSE 'nothing'
        END,
        r.class,
        r.oid,
        0
    FROM relations AS r
    WHERE r.relreplident IN ('f', 'n')
        AND r.kind = 'table'

    UNION ALL
    SELECT
        r.kind || '_setting ' || r.ident || ' ' || s.name || ' ' || pg_catalog.quote_ident(x.relname),
        x.tableoid,
        x.oid,
        0
    FROM pg_catalog.pg_index AS i
    JOIN relations AS r ON r.oid = i.indrelid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    JOIN (VALUES ('replica_identity'), ('cluster')) AS s (name)
        ON CASE s.name WHEN 'cluster' THEN i.indisclustered ELSE i.indisreplident AND r.relreplident = 'i' END

    UNION ALL
    SELECT
        'column_setting ' || a.ident || ' ' || s.name || ' ' || s.value,
        a.class,
        a.attrelid,
        a.attnum
    FROM known_columns AS a
    CROSS JOIN LATERAL (
        SELECT 'statistics', a.attstattarget::text
        WHERE a.attstattarget >= 0
            AND a.has_its_target IS DISTINCT FROM true

        UNION ALL
        SELECT 'storage', CASE a.attstorage
                WHEN 'p' THEN 'plain'
                WHEN 'e' THEN 'external'
                WHEN 'm' THEN 'main'
                ELSE 'extended'
            END
        WHERE a.attstorage <> a.typstorage
            AND a.has_its_storage IS DISTINCT FROM true

        UNION ALL
        SELECT 'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END
        WHERE a.attcompression <> ''
            AND a.has_its_compression IS DISTINCT FROM true

        UNION ALL
        SELECT n.name, pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1)
        FROM pg_catalog.unnest(a.attoptions) AS o (option)
        JOIN settable AS n ON n.catalog = 'pg_attribute' AND n.name = pg_catalog.split_part(o.option, '=', 1)
    ) AS s (name, value)
    WHERE a.table_kind IN ('table', 'materialized_view')

    UNION ALL
    -- What an INSERT into a view fills in; columns of a view have no line of their own.
    SELECT
        'column_setting ' || a.ident || ' default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
        a.class,
        a.attrelid,
        a.attnum
    FROM known_columns AS a
    JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.table_kind = 'view'

    UNION ALL
    SELECT
        'index_setting ' || r.ident || ' statistics.' || a.attnum || ' ' || a.attstattarget,
        r.class,
        r.oid,
        0
    FROM relations AS r
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid
    WHERE r.kind = 'index'
        AND a.attstattarget >= 0

    -- :rare
    UNION ALL
    SELECT 'statistics_setting ' || o.ident || ' target ' || s.stxstattarget, o.class, o.object, 0
    FROM named AS o
    JOIN pg_catalog.pg_statistic_ext AS s ON s.oid = o.object
    WHERE o.kind = 'statistics'
        AND s.stxstattarget >= 0

    -- Own lines from here on.
    -- :common
    UNION ALL
    SELECT
        'owner ' || o.kind || ' ' || o.ident || ' ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.owner)),
        o.class,
        o.object,
        0
    FROM named AS o
    WHERE o.owner IS NOT NULL
        -- Those that stand in every database.
        AND (o.object >= 16384 OR o.kind = 'schema')

    UNION ALL
    SELECT
        'grant ' || o.kind || ' ' || o.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
        o.class,
        o.object,
        0
    FROM named AS o
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS x

    UNION ALL
    SELECT
        'grant column ' || a.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
        a.class,
        a.attrelid,
        a.attnum
    FROM columns AS a
    CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS x

    -- :rare
    UNION ALL
    -- What new objects get: in a schema, or in all of the database.
    SELECT
        'grant ' || CASE WHEN d.defaclnamespace = 0 THEN 'database_defaults ' ELSE 'defaults ' || pg_catalog.quote_ident(n.nspname) || '.' END
            || CASE d.defaclobjtype
                WHEN 'r' THEN 'tables'
                WHEN 'S' THEN 'sequences'
                WHEN 'f' THEN 'functions'
                WHEN 'T' THEN 'types'
                WHEN 'n' THEN 'schemas'
                WHEN 'L' THEN 'large_objects'
                ELSE d.defaclobjtype::text
            END
            || ' ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)) || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
        d.tableoid,
        d.oid,
        0
    FROM pg_catalog.pg_default_acl AS d
    LEFT JOIN namespaces AS n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS x
    WHERE d.defaclnamespace = 0
        AND :only IS NULL
        OR n.oid IS NOT NULL

    -- :common
    UNION ALL
    SELECT 'comment ' || o.kind || ' ' || o.ident || ' ' || pg_catalog.quote_literal(c.description), o.class, o.object, 0
    FROM named AS o
    CROSS JOIN LATERAL (
        SELECT d.description
        FROM pg_catalog.pg_description AS d
        WHERE d.classoid = o.class
            AND d.objoid = o.object
            AND d.objsubid = 0
            -- Those of pg_catalog itself are thousands.
            AND (d.objoid >= 10000 OR d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass)
        :each
    ) AS c

    UNION ALL
    SELECT 'comment column ' || a.ident || ' ' || pg_catalog.quote_literal(c.description), a.class, a.attrelid, a.attnum
    FROM pg_catalog.pg_description AS c
    JOIN columns AS a ON a.attrelid = c.objoid AND a.attnum = c.objsubid
    WHERE c.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass

    UNION ALL
    -- Where an extension lives: an administrator may have put it elsewhere than the baseline has it.
    SELECT 'definition extension ' || o.ident || ' schema ' || pg_catalog.quote_ident(k.nspname), o.class, o.object, 0
    FROM named AS o
    JOIN pg_catalog.pg_extension AS e ON e.oid = o.object
    JOIN pg_catalog.pg_namespace AS k ON k.oid = e.extnamespace
    WHERE o.kind = 'extension'
        AND o.ident <> 'plpgsql'

    -- :rare
    UNION ALL
    SELECT
        'definition foreign_server ' || pg_catalog.quote_ident(u.srvname) || ' user mapping for '
            || CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(u.usename) END
            || COALESCE(p.options, ''),
        'pg_catalog.pg_user_mapping'::pg_catalog.regclass,
        u.umid,
        0
    FROM pg_catalog.pg_user_mappings AS u
    LEFT JOIN options AS p
        ON p.class = 'pg_catalog.pg_user_mapping'::pg_catalog.regclass
        AND p.object = u.umid

    -- :common
    UNION ALL
    SELECT 'definition constraint ' || k.ident || ' its index is INVALID', k.class, k.oid, 0
    FROM constraints AS k
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = k.conindid
    WHERE k.contype IN ('p', 'u', 'x')
        AND NOT (i.indisvalid AND i.indisready)
)
-- What ends a line or moves the text on a screen is written as an escape, so that no name can forge a line: backslash
-- and control characters, and in UTF8 those of Unicode (8206 and 8207, 8232 to 8238, 8294 to 8297, 65279).
SELECT
    CASE
        WHEN f.line !~ e.all_of THEN f.line
        WHEN f.line !~ e.rare THEN pg_catalog.replace(
            pg_catalog.replace(
                pg_catalog.replace(pg_catalog.replace(f.line, E'\\', E'\\\\'), E'\n', E'\\n'), E'\r', E'\\r'
            ),
            E'\t',
            E'\\t'
        )
        ELSE (
            SELECT pg_catalog.string_agg(
                CASE
                    WHEN c.character = E'\\' THEN E'\\\\'
                    WHEN c.character = E'\n' THEN E'\\n'
                    WHEN c.character = E'\r' THEN E'\\r'
                    WHEN c.character = E'\t' THEN E'\\t'
                    WHEN c.character ~ e.rare
                        THEN E'\\u' || pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.ascii(c.character)), 4, '0')
                    ELSE c.character
                END,
                '' ORDER BY c.place
            )
            FROM pg_catalog.regexp_split_to_table(f.line, '') WITH ORDINALITY AS c (character, place)
        )
    END COLLATE "C" AS line,
    f.class || ':' || f.object || ':' || f.part AS identity,
    CASE
        WHEN f.class IN (
            'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
            'pg_catalog.pg_type'::pg_catalog.regclass
        ) THEN f.object
        ELSE COALESCE(h.home, 0::oid)
    END AS home
FROM (
    SELECT
        -- A list of texts of type varchar, as in s IN ('a', 'b'), is printed with one cast behind it as it was first read,
        -- and with one behind each text when that was read again, from a dump: here it has none.
        CASE
            WHEN v.line LIKE '%ARRAY[%''::character varying%' THEN pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.regexp_replace(v.line, '\((ARRAY\[' || t.texts || '\])\)::text\[\]', '\1', 'g'),
                    '(ARRAY\[' || t.texts || '\])::text\[\]', '\1', 'g'
                ),
                '(?<=\[|, )(?:\((' || t.text || ')\)|(' || t.text || '))::text(?=, |\])', '\1\2', 'g'
            )
            ELSE v.line
        END AS line,
        a.class,
        a.object,
        a.part
    FROM facts AS a
    CROSS JOIN LATERAL (
        -- A NULL that UNION gave its type has the name of that type as a column, which is printed once it was read again.
        SELECT CASE
            WHEN a.line LIKE '%NULL::% AS %' AND a.line ~ '^(materialized_)?view ' THEN pg_catalog.regexp_replace(
                a.line,
                '(NULL::(?:(\w+)(?:\([\d,]+\))?|[a-z ]+(?:\([\d,]+\))?[a-z ]*)(?:\[\])*) AS "?(?:\2|int[248]|float[48]|bool|varchar|bpchar|varbit|time|timetz|timestamp|timestamptz)"?(?=[ ,)]|$)',
                '\1', 'g'
            )
            ELSE a.line
        END AS line
    ) AS v
    CROSS JOIN (
        SELECT x.text, x.text || '(?:, ' || x.text || ')*'
        FROM (SELECT 'E?''(?:[^'']|'''')*''::character varying(?:\(\d+\))?') AS x (text)
    ) AS t (text, texts)
) AS f
LEFT JOIN (
    SELECT k.class, k.oid, CASE k.conrelid WHEN 0 THEN k.contypid ELSE k.conrelid END FROM constraints AS k
    UNION ALL
    SELECT t.class, t.oid, t.tgrelid FROM triggers AS t
    UNION ALL
    SELECT p.class, p.oid, p.polrelid FROM policies AS p
    UNION ALL
    SELECT w.class, w.oid, w.ev_class FROM rules AS w
    -- :rare
    UNION ALL
    SELECT m.tableoid, m.oid, m.prrelid FROM pg_catalog.pg_publication_rel AS m
    UNION ALL
    SELECT s.tableoid, s.oid, s.stxrelid FROM pg_catalog.pg_statistic_ext AS s
    -- :common
) AS h (class, object, home) ON h.class = f.class AND h.object = f.object
CROSS JOIN (
    SELECT
        '[\\\u0001-\u001f\u007f' || u.more || ']',
        '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f' || u.more || ']'
    FROM (
        SELECT CASE pg_catalog.getdatabaseencoding()
            WHEN 'UTF8' THEN '\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff'
            ELSE ''
        END
    ) AS u (more)
) AS e (all_of, rare)
-- What is in no schema.
WHERE :only IS NULL
    OR f.class NOT IN (
        'pg_catalog.pg_am'::pg_catalog.regclass, 'pg_catalog.pg_cast'::pg_catalog.regclass,
        'pg_catalog.pg_event_trigger'::pg_catalog.regclass, 'pg_catalog.pg_extension'::pg_catalog.regclass,
        'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass,
        'pg_catalog.pg_language'::pg_catalog.regclass, 'pg_catalog.pg_publication'::pg_catalog.regclass,
        'pg_catalog.pg_publication_namespace'::pg_catalog.regclass, 'pg_catalog.pg_publication_rel'::pg_catalog.regclass,
        'pg_catalog.pg_transform'::pg_catalog.regclass, 'pg_catalog.pg_user_mapping'::pg_catalog.regclass
    )
ORDER BY line
