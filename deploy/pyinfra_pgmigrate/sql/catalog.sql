-- The catalog of the current database as lines, one line a fact, sorted by byte value.
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
),
extension_members AS MATERIALIZED (
    SELECT
        d.classid,
        d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.deptype = 'e'
),
relations AS MATERIALIZED (
    SELECT
        c.*,
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
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I', 'c')
        AND NOT EXISTS (
            SELECT 1
            FROM extension_members AS e
            WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND e.objid = c.oid
        )
),
columns AS MATERIALIZED (
    SELECT
        a.*,
        r.ident AS table_ident,
        r.kind AS table_kind,
        r.ident || '.' || pg_catalog.quote_ident(a.attname) AS ident,
        t.typcollation,
        t.typstorage,
        d.oid AS default_oid,
        d.adbin AS default_expression
    FROM pg_catalog.pg_attribute AS a
    JOIN relations AS r ON r.oid = a.attrelid
    -- Here the planner knows how many rows there are, and joins them by hash.
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0
        AND NOT a.attisdropped
        AND r.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
),
constraints AS MATERIALIZED (
    SELECT
        k.*,
        COALESCE(r.ident, n.prefix || pg_catalog.quote_ident(t.typname))
            || '.' || pg_catalog.quote_ident(k.conname) AS ident
    FROM pg_catalog.pg_constraint AS k
    LEFT JOIN relations AS r ON r.oid = k.conrelid
    LEFT JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
    LEFT JOIN namespaces AS n ON n.oid = t.typnamespace
    WHERE (r.oid IS NOT NULL OR n.oid IS NOT NULL)
        AND k.conparentid = 0
        AND (k.conislocal OR k.coninhcount = 0)
        -- PostgreSQL 18 stores NOT NULL here too; the column's line says it. Only an unvalidated
        -- one, which no older server can have, is a fact of its own.
        AND (k.contype IN ('c', 'f', 'p', 'u', 'x') OR (k.contype = 'n' AND NOT k.convalidated))
),
functions AS MATERIALIZED (
    SELECT
        p.*,
        n.prefix || pg_catalog.quote_ident(p.proname)
            || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' AS ident,
        CASE p.prokind
            WHEN 'a' THEN 'aggregate'
            WHEN 'p' THEN 'procedure'
            ELSE 'function'
        END AS kind
    FROM pg_catalog.pg_proc AS p
    JOIN namespaces AS n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (
        SELECT 1
        FROM extension_members AS e
        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND e.objid = p.oid
    )
),
types AS MATERIALIZED (
    SELECT
        t.*,
        n.prefix || pg_catalog.quote_ident(t.typname) AS ident
    FROM pg_catalog.pg_type AS t
    JOIN namespaces AS n ON n.oid = t.typnamespace
    LEFT JOIN relations AS r ON r.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND r.relkind = 'c'))
        AND NOT EXISTS (
            SELECT 1
            FROM extension_members AS e
            WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                AND e.objid = t.oid
        )
),
triggers AS MATERIALIZED (
    SELECT
        t.*,
        r.ident || '.' || pg_catalog.quote_ident(t.tgname) AS ident,
        r.ident AS table_ident
    FROM pg_catalog.pg_trigger AS t
    JOIN relations AS r ON r.oid = t.tgrelid
    WHERE t.tgparentid = 0
),
policies AS MATERIALIZED (
    SELECT
        p.*,
        r.ident || '.' || pg_catalog.quote_ident(p.polname) AS ident
    FROM pg_catalog.pg_policy AS p
    JOIN relations AS r ON r.oid = p.polrelid
),
publications AS MATERIALIZED (
    SELECT
        p.*,
        pg_catalog.quote_ident(p.pubname) AS ident
    FROM pg_catalog.pg_publication AS p
),
facts (line) AS (
    SELECT 'schema ' || pg_catalog.quote_ident(n.nspname)
    FROM namespaces AS n
    WHERE n.nspname <> pg_catalog.current_schema()
        AND n.nspname <> 'public'

    UNION ALL
    SELECT 'extension ' || pg_catalog.quote_ident(e.extname)
    FROM pg_catalog.pg_extension AS e
    WHERE e.extname <> 'plpgsql'

    UNION ALL
    SELECT
        'type ' || t.ident || CASE t.typtype
            WHEN 'e' THEN ' enum (' || COALESCE((
                SELECT pg_catalog.string_agg(pg_catalog.quote_literal(v.enumlabel), ', ' ORDER BY v.enumsortorder)
                FROM pg_catalog.pg_enum AS v
                WHERE v.enumtypid = t.oid
            ), '') || ')'
            WHEN 'd' THEN ' domain ' || pg_catalog.format_type(t.typbasetype, t.typtypmod)
                || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END
                || COALESCE(' default ' || t.typdefault, '')
            WHEN 'c' THEN ' composite (' || COALESCE((
                SELECT pg_catalog.string_agg(
                    pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod),
                    ', ' ORDER BY a.attnum
                )
                FROM columns AS a
                WHERE a.attrelid = t.typrelid
            ), '') || ')'
            ELSE ' range (' || (
                SELECT pg_catalog.format_type(g.rngsubtype, NULL)
                FROM pg_catalog.pg_range AS g
                WHERE g.rngtypid = t.oid
            ) || ')'
        END
    FROM types AS t

    UNION ALL
    SELECT
        'table ' || r.ident
            || CASE WHEN r.relpersistence = 'u' THEN ' unlogged' ELSE '' END
            || CASE WHEN r.relkind = 'f' THEN ' foreign ' || (
                SELECT pg_catalog.quote_ident(s.srvname)
                FROM pg_catalog.pg_foreign_table AS f
                JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
                WHERE f.ftrelid = r.oid
            ) ELSE '' END
            || CASE WHEN r.relkind = 'p' THEN ' partition by ' || pg_catalog.pg_get_partkeydef(r.oid) ELSE '' END
            || CASE WHEN r.relispartition THEN
                ' partition of ' || (
                    SELECT i.inhparent::pg_catalog.regclass::text
                    FROM pg_catalog.pg_inherits AS i
                    WHERE i.inhrelid = r.oid
                ) || ' ' || pg_catalog.pg_get_expr(r.relpartbound, r.oid)
                ELSE COALESCE((
                    SELECT ' inherits (' || pg_catalog.string_agg(
                        i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno
                    ) || ')'
                    FROM pg_catalog.pg_inherits AS i
                    WHERE i.inhrelid = r.oid
                ), '')
            END
            || CASE r.relreplident
                WHEN 'f' THEN ' replica identity full'
                WHEN 'n' THEN ' replica identity nothing'
                ELSE ''
            END
            || COALESCE(' with (' || (
                SELECT pg_catalog.string_agg(o.option, ', ' ORDER BY o.place)
                FROM pg_catalog.unnest(r.reloptions) WITH ORDINALITY AS o (option, place)
                JOIN settable AS s ON s.catalog = 'pg_class' AND s.name = pg_catalog.split_part(o.option, '=', 1)
            ) || ')', '')
    FROM relations AS r
    WHERE r.kind = 'table'

    UNION ALL
    SELECT
        'row_security ' || r.ident || CASE
            WHEN r.relrowsecurity AND r.relforcerowsecurity THEN ' enabled forced'
            WHEN r.relrowsecurity THEN ' enabled'
            ELSE ' forced'
        END
    FROM relations AS r
    WHERE r.relrowsecurity OR r.relforcerowsecurity

    UNION ALL
    SELECT
        'column ' || a.ident || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
            || CASE
                WHEN a.attcollation <> a.typcollation AND a.attcollation <> 0
                    THEN ' collate ' || a.attcollation::pg_catalog.regcollation::text
                ELSE ''
            END
            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            || CASE a.attidentity
                WHEN 'a' THEN ' generated always as identity'
                WHEN 'd' THEN ' generated by default as identity'
                ELSE ''
            END
            || CASE
                WHEN a.attgenerated = 's'
                    THEN ' generated always as (' || pg_catalog.pg_get_expr(a.default_expression, a.attrelid) || ') stored'
                WHEN a.attgenerated = 'v'
                    THEN ' generated always as (' || pg_catalog.pg_get_expr(a.default_expression, a.attrelid) || ') virtual'
                WHEN a.default_oid IS NOT NULL
                    THEN ' default ' || pg_catalog.pg_get_expr(a.default_expression, a.attrelid)
                ELSE ''
            END
            || CASE
                WHEN a.attstorage = a.typstorage THEN ''
                ELSE ' storage ' || CASE a.attstorage
                    WHEN 'p' THEN 'plain'
                    WHEN 'e' THEN 'external'
                    WHEN 'm' THEN 'main'
                    ELSE 'extended'
                END
            END
            || CASE a.attcompression WHEN 'p' THEN ' compression pglz' WHEN 'l' THEN ' compression lz4' ELSE '' END
            || CASE WHEN a.attstattarget >= 0 THEN ' statistics ' || a.attstattarget ELSE '' END
            || COALESCE(' with (' || (
                SELECT pg_catalog.string_agg(o.option, ', ' ORDER BY o.place)
                FROM pg_catalog.unnest(a.attoptions) WITH ORDINALITY AS o (option, place)
                JOIN settable AS s ON s.catalog = 'pg_attribute' AND s.name = pg_catalog.split_part(o.option, '=', 1)
            ) || ')', '')
    FROM columns AS a
    WHERE a.table_kind = 'table'

    UNION ALL
    SELECT 'constraint ' || k.ident || ' ' || pg_catalog.pg_get_constraintdef(k.oid)
    FROM constraints AS k

    UNION ALL
    -- DISABLE TRIGGER ALL switches off foreign keys as well, without a trace in the constraint.
    SELECT DISTINCT 'constraint_disabled ' || k.ident
    FROM pg_catalog.pg_trigger AS t
    JOIN constraints AS k ON k.oid = t.tgconstraint
    JOIN relations AS r ON r.oid = t.tgrelid
    WHERE t.tgisinternal
        AND t.tgenabled <> 'O'

    UNION ALL
    SELECT
        'index ' || r.ident || ' ' || pg_catalog.pg_get_indexdef(i.indexrelid, 0, true)
            || CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END
            || CASE WHEN i.indisclustered THEN ' CLUSTER' ELSE '' END
            || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END
    FROM pg_catalog.pg_index AS i
    JOIN relations AS r ON r.oid = i.indexrelid
    WHERE NOT r.relispartition
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_constraint AS k
            WHERE k.conindid = i.indexrelid
                AND k.contype IN ('p', 'u', 'x')
        )

    UNION ALL
    -- Up to PostgreSQL 15 the text of a view over one table qualifies its columns, from 16 on it does
    -- not: qualifiers are dropped here. The whole text is in the "definition" line.
    SELECT
        r.kind || ' ' || r.ident
            || COALESCE(' with (' || (
                SELECT pg_catalog.string_agg(o.option, ', ' ORDER BY o.place)
                FROM pg_catalog.unnest(r.reloptions) WITH ORDINALITY AS o (option, place)
                JOIN settable AS s ON s.catalog = 'pg_class' AND s.name = pg_catalog.split_part(o.option, '=', 1)
            ) || ')', '')
            || ' as' || pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    ' ' || pg_catalog.pg_get_viewdef(r.oid, true),
                    '("([^"]|"")+"|[[:alpha:]_][[:alnum:]_$]*)\.(?=["[:alpha:]_*])', '', 'g'
                ),
                '\s+', ' ', 'g'
            )
    FROM relations AS r
    WHERE r.relkind IN ('v', 'm')

    UNION ALL
    SELECT
        'rule ' || r.ident || '.' || pg_catalog.quote_ident(w.rulename) || ' '
            || pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(
                    pg_catalog.pg_get_ruledef(w.oid, true),
                    '("([^"]|"")+"|[[:alpha:]_][[:alnum:]_$]*)\.(?=["[:alpha:]_*])', '', 'g'
                ),
                '\s+', ' ', 'g'
            )
            || CASE w.ev_enabled WHEN 'O' THEN '' ELSE ' enabled ' || w.ev_enabled::text END
    FROM pg_catalog.pg_rewrite AS w
    JOIN relations AS r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'

    UNION ALL
    SELECT
        'trigger ' || t.ident || ' ' || pg_catalog.pg_get_triggerdef(t.oid, true)
            || CASE t.tgenabled
                WHEN 'O' THEN ''
                WHEN 'D' THEN ' DISABLED'
                WHEN 'A' THEN ' ENABLED ALWAYS'
                ELSE ' ENABLED REPLICA'
            END
    FROM triggers AS t
    WHERE NOT t.tgisinternal

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
            || COALESCE(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
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
            || CASE WHEN p.procost NOT IN (1, 100) THEN ' cost ' || p.procost ELSE '' END
            || CASE WHEN p.prorows NOT IN (0, 1000) THEN ' rows ' || p.prorows ELSE '' END
            || COALESCE(' set ' || pg_catalog.array_to_string(p.proconfig, ' set '), '')
            || CASE
                WHEN p.prosqlbody IS NOT NULL THEN ' ' || pg_catalog.pg_get_function_sqlbody(p.oid)
                WHEN l.lanname IN ('c', 'internal') THEN ' as ' || COALESCE(p.probin || ', ', '') || p.prosrc
                ELSE ' as ' || p.prosrc
            END
    FROM functions AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.prokind <> 'a'

    UNION ALL
    SELECT
        'aggregate ' || p.ident || ' (' || pg_catalog.pg_get_function_arguments(p.oid) || ')'
            || ' returns ' || pg_catalog.pg_get_function_result(p.oid)
            || ' sfunc ' || g.aggtransfn::pg_catalog.regprocedure::text
            || ' stype ' || pg_catalog.format_type(g.aggtranstype, NULL)
            || CASE
                WHEN g.aggfinalfn::oid <> 0 THEN ' finalfunc ' || g.aggfinalfn::pg_catalog.regprocedure::text
                ELSE ''
            END
            || COALESCE(' initcond ' || pg_catalog.quote_literal(g.agginitval), '')
    FROM functions AS p
    JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid::oid = p.oid

    UNION ALL
    -- The sequence behind an identity column is part of that column.
    SELECT
        'sequence ' || r.ident || ' as ' || pg_catalog.format_type(s.seqtypid, NULL)
            || ' start ' || s.seqstart || ' increment ' || s.seqincrement
            || ' minvalue ' || s.seqmin || ' maxvalue ' || s.seqmax || ' cache ' || s.seqcache
            || CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END
            || COALESCE(' owned by ' || (
                SELECT a.ident
                FROM pg_catalog.pg_depend AS d
                JOIN columns AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = r.oid
                    AND d.deptype = 'a'
            ), '')
    FROM pg_catalog.pg_sequence AS s
    JOIN relations AS r ON r.oid = s.seqrelid
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.objid = r.oid
            AND d.deptype = 'i'
    )

    UNION ALL
    SELECT
        'statistics ' || n.prefix || pg_catalog.quote_ident(s.stxname)
            || ' (' || pg_catalog.array_to_string(s.stxkind, ', ') || ')'
            || ' ON ' || pg_catalog.pg_get_statisticsobjdef_columns(s.oid)
            || ' FROM ' || r.ident
            || CASE WHEN s.stxstattarget >= 0 THEN ' target ' || s.stxstattarget ELSE '' END
    FROM pg_catalog.pg_statistic_ext AS s
    JOIN namespaces AS n ON n.oid = s.stxnamespace
    JOIN relations AS r ON r.oid = s.stxrelid

    UNION ALL
    SELECT
        'event_trigger ' || pg_catalog.quote_ident(t.evtname) || ' on ' || t.evtevent
            || COALESCE(' when tag in (' || pg_catalog.array_to_string(t.evttags, ', ') || ')', '')
            || ' execute ' || t.evtfoid::pg_catalog.regprocedure::text
            || CASE t.evtenabled WHEN 'O' THEN '' ELSE ' enabled ' || t.evtenabled::text END
    FROM pg_catalog.pg_event_trigger AS t
    WHERE NOT EXISTS (
        SELECT 1
        FROM extension_members AS e
        WHERE e.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass
            AND e.objid = t.oid
    )

    UNION ALL
    SELECT
        'publication ' || p.ident
            || CASE WHEN p.puballtables THEN ' for all tables' ELSE '' END
            || CASE WHEN p.pubinsert THEN ' insert' ELSE '' END
            || CASE WHEN p.pubupdate THEN ' update' ELSE '' END
            || CASE WHEN p.pubdelete THEN ' delete' ELSE '' END
            || CASE WHEN p.pubtruncate THEN ' truncate' ELSE '' END
            || CASE WHEN p.pubviaroot THEN ' via root' ELSE '' END
    FROM publications AS p

    UNION ALL
    SELECT
        'publication_table ' || p.ident || '.' || r.ident
            || COALESCE(' where ' || pg_catalog.pg_get_expr(m.prqual, m.prrelid), '')
            || COALESCE(' columns (' || (
                SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
                FROM columns AS a
                WHERE a.attrelid = m.prrelid
                    AND a.attnum = ANY (m.prattrs::int2[])
            ) || ')', '')
    FROM pg_catalog.pg_publication_rel AS m
    JOIN publications AS p ON p.oid = m.prpubid
    JOIN relations AS r ON r.oid = m.prrelid

    UNION ALL
    SELECT
        'foreign_server ' || pg_catalog.quote_ident(s.srvname) || ' wrapper ' || pg_catalog.quote_ident(w.fdwname)
    FROM pg_catalog.pg_foreign_server AS s
    JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw

    UNION ALL
    SELECT
        'operator ' || n.prefix || o.oprname || '(' || pg_catalog.format_type(o.oprleft, NULL) || ', '
            || pg_catalog.format_type(o.oprright, NULL) || ') ' || o.oprcode::pg_catalog.regprocedure::text
    FROM pg_catalog.pg_operator AS o
    JOIN namespaces AS n ON n.oid = o.oprnamespace
    WHERE NOT EXISTS (
        SELECT 1
        FROM extension_members AS e
        WHERE e.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            AND e.objid = o.oid
    )

    UNION ALL
    SELECT 'collation ' || n.prefix || pg_catalog.quote_ident(c.collname)
    FROM pg_catalog.pg_collation AS c
    JOIN namespaces AS n ON n.oid = c.collnamespace
    WHERE NOT EXISTS (
        SELECT 1
        FROM extension_members AS e
        WHERE e.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass
            AND e.objid = c.oid
    )

    -- Own lines from here on.
    UNION ALL
    SELECT 'owner ' || r.kind || ' ' || r.ident || ' ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.relowner))
    FROM relations AS r
    WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')

    UNION ALL
    SELECT 'owner ' || p.kind || ' ' || p.ident || ' ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner))
    FROM functions AS p

    UNION ALL
    SELECT 'owner type ' || t.ident || ' ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.typowner))
    FROM types AS t

    UNION ALL
    SELECT
        'grant ' || r.kind || ' ' || r.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
    FROM relations AS r
    CROSS JOIN LATERAL pg_catalog.aclexplode(r.relacl) AS x
    WHERE r.kind <> 'type'

    UNION ALL
    SELECT
        'grant column ' || a.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
    FROM columns AS a
    CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS x

    UNION ALL
    SELECT
        'grant ' || p.kind || ' ' || p.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
    FROM functions AS p
    CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) AS x

    UNION ALL
    SELECT
        'grant type ' || t.ident || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
    FROM types AS t
    CROSS JOIN LATERAL pg_catalog.aclexplode(t.typacl) AS x

    UNION ALL
    SELECT
        'grant schema ' || pg_catalog.quote_ident(n.nspname) || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
            || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
    FROM namespaces AS n
    CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS x

    UNION ALL
    SELECT
        'grant defaults ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole))
            || COALESCE('.' || pg_catalog.quote_ident(n.nspname), '') || ' ' || d.defaclobjtype::text || ' '
            || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END
            || ' ' || x.privilege_type
    FROM pg_catalog.pg_default_acl AS d
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS x

    UNION ALL
    SELECT 'comment ' || r.kind || ' ' || r.ident || ' ' || pg_catalog.quote_literal(c.description)
    FROM pg_catalog.pg_description AS c
    JOIN relations AS r ON r.oid = c.objoid
    WHERE c.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND c.objsubid = 0

    UNION ALL
    SELECT 'comment column ' || a.ident || ' ' || pg_catalog.quote_literal(c.description)
    FROM pg_catalog.pg_description AS c
    JOIN columns AS a ON a.attrelid = c.objoid AND a.attnum = c.objsubid
    WHERE c.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass

    UNION ALL
    SELECT 'comment ' || o.kind || ' ' || o.ident || ' ' || pg_catalog.quote_literal(c.description)
    FROM pg_catalog.pg_description AS c
    JOIN (
        SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 'constraint', k.ident FROM constraints AS k
        UNION ALL
        SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.kind, p.ident FROM functions AS p
        UNION ALL
        SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 'type', t.ident FROM types AS t
        UNION ALL
        SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 'trigger', t.ident FROM triggers AS t
        UNION ALL
        SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 'policy', p.ident FROM policies AS p
    ) AS o (classoid, oid, kind, ident) ON o.classoid = c.classoid AND o.oid = c.objoid

    UNION ALL
    SELECT 'definition ' || r.kind || ' ' || r.ident || ' ' || pg_catalog.pg_get_viewdef(r.oid)
    FROM relations AS r
    WHERE r.relkind IN ('v', 'm')

    UNION ALL
    SELECT
        'definition rule ' || r.ident || '.' || pg_catalog.quote_ident(w.rulename) || ' ' || pg_catalog.pg_get_ruledef(w.oid)
    FROM pg_catalog.pg_rewrite AS w
    JOIN relations AS r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'

    -- What came into this list later than the lines above is an own line too: effects, and catalogs that a
    -- registry or a backup kept, stay true. A catalog without a line "definition schema" is from before that.
    UNION ALL
    SELECT
        'definition schema ' || pg_catalog.quote_ident(n.nspname)
            || ' owned by ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner))
    FROM namespaces AS n

    UNION ALL
    -- The sequence behind an identity column, where it is not as GENERATED AS IDENTITY alone makes it.
    SELECT
        'definition column ' || a.ident || ' identity start ' || s.seqstart || ' increment ' || s.seqincrement
            || ' minvalue ' || s.seqmin || ' maxvalue ' || s.seqmax || ' cache ' || s.seqcache
            || CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
    JOIN columns AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.deptype = 'i'
        AND (s.seqstart, s.seqincrement, s.seqmin, s.seqcache, s.seqcycle) <> (1, 1, 1, 1, false)

    UNION ALL
    SELECT
        'definition table ' || r.ident || ' replica identity using index ' || pg_catalog.quote_ident(x.relname)
    FROM pg_catalog.pg_index AS i
    JOIN relations AS r ON r.oid = i.indrelid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    WHERE i.indisreplident
        AND r.relreplident = 'i'
        -- Of any other index its own line says it.
        AND EXISTS (
            SELECT 1
            FROM pg_catalog.pg_constraint AS k
            WHERE k.conindid = i.indexrelid
                AND k.contype IN ('p', 'u', 'x')
        )

    UNION ALL
    SELECT 'definition constraint ' || k.ident || ' its index is INVALID'
    FROM constraints AS k
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = k.conindid
    WHERE k.contype IN ('p', 'u', 'x')
        AND NOT (i.indisvalid AND i.indisready)
)
SELECT
    pg_catalog.replace(pg_catalog.replace(f.line, E'\\', E'\\\\'), E'\n', E'\\n') COLLATE "C" AS line
FROM facts AS f
ORDER BY line
