-- Tells what would stand in the way of dropping some objects, or go with them, and is none of them: views,
-- functions, policies, keys, indexes that others made. Those come first on which others of them depend.
-- Variables: going (JSON: keys of the catalog, such as "table x", "column x.y", "function f(integer)"), changing
-- (JSON: keys of what has another definition afterwards), schema. Needs a transaction.
DECLARE pgmigrate_dependents NO SCROLL CURSOR FOR
WITH RECURSIVE going AS MATERIALIZED (
    SELECT g.key
    FROM pg_catalog.jsonb_array_elements_text(:'going'::jsonb) AS g (key)
),
namespaces AS MATERIALIZED (
    SELECT
        n.oid,
        CASE
            WHEN n.nspname = pg_catalog.current_schema() THEN ''
            ELSE pg_catalog.quote_ident(n.nspname) || '.'
        END AS prefix
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        AND n.nspname !~ '^pgmigrate(_damaged_[0-9]+)?$'
),
relations AS MATERIALIZED (
    SELECT
        c.oid,
        c.relkind,
        c.reloptions,
        c.relispopulated,
        c.reltype,
        n.prefix || pg_catalog.quote_ident(c.relname) AS ident,
        CASE c.relkind
            WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized_view'
            WHEN 'S' THEN 'sequence'
            WHEN 'i' THEN 'index'
            WHEN 'I' THEN 'index'
            WHEN 'c' THEN 'type'
            ELSE 'table'
        END AS kind
    FROM pg_catalog.pg_class AS c
    JOIN namespaces AS n ON n.oid = c.relnamespace
    WHERE c.relkind <> 't'
        -- The sequence of an identity column is part of it, as the index of a partition is of its parent's.
        AND NOT (c.relkind IN ('i', 'I') AND c.relispartition)
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_depend AS d
            WHERE c.relkind = 'S'
                AND d.classid = 'pg_catalog.pg_class'::regclass
                AND d.objid = c.oid
                AND d.deptype = 'i'
        )
),
functions AS MATERIALIZED (
    SELECT
        p.oid,
        p.prokind,
        n.prefix || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' AS ident,
        CASE p.prokind
            WHEN 'a' THEN 'aggregate'
            WHEN 'p' THEN 'procedure'
            ELSE 'function'
        END AS kind
    FROM pg_catalog.pg_proc AS p
    JOIN namespaces AS n ON n.oid = p.pronamespace
    -- Those that make a value of a range type are part of it.
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_proc'::regclass
            AND d.objid = p.oid
            AND d.deptype = 'i'
    )
),
-- Every object that may depend on another, as the catalog names it and as it is dropped and made.
objects (classid, objid, objsubid, key, gone, made) AS MATERIALIZED (
    SELECT
        'pg_catalog.pg_class'::regclass::oid,
        r.oid,
        0,
        r.kind || ' ' || r.ident,
        CASE r.relkind
            WHEN 'v' THEN 'DROP VIEW ' || r.ident
            WHEN 'm' THEN 'DROP MATERIALIZED VIEW ' || r.ident
            WHEN 'i' THEN 'DROP INDEX ' || r.ident
            WHEN 'I' THEN 'DROP INDEX ' || r.ident
        END,
        CASE
            WHEN r.relkind IN ('v', 'm') THEN
                CASE r.relkind WHEN 'v' THEN 'CREATE VIEW ' ELSE 'CREATE MATERIALIZED VIEW ' END || r.ident
                || COALESCE(' WITH (' || pg_catalog.array_to_string(r.reloptions, ', ') || ')', '')
                || ' AS ' || pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), ';')
                || CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN ' WITH NO DATA' ELSE '' END
                || COALESCE((
                    SELECT pg_catalog.string_agg(pg_catalog.format(
                        '; ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s',
                        r.ident, a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                    ), '' ORDER BY a.attnum)
                    FROM pg_catalog.pg_attrdef AS d
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    WHERE d.adrelid = r.oid
                        AND r.relkind = 'v'
                ), '')
            WHEN r.relkind IN ('i', 'I') THEN pg_catalog.pg_get_indexdef(r.oid)
        END
    FROM relations AS r

    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, a.attnum, 'column ' || r.ident || '.' || pg_catalog.quote_ident(a.attname), NULL, NULL
    FROM relations AS r
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE r.kind = 'table'
        -- What a partition or child has from its parent goes with that.
        AND a.attinhcount = 0

    UNION ALL
    SELECT
        'pg_catalog.pg_proc'::regclass,
        p.oid,
        0,
        p.kind || ' ' || p.ident,
        CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_catalog.format('DROP ROUTINE %s', p.oid::regprocedure) END,
        CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_catalog.pg_get_functiondef(p.oid) END
    FROM functions AS p

    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 0, 'type ' || n.prefix || pg_catalog.quote_ident(t.typname), NULL, NULL
    FROM pg_catalog.pg_type AS t
    JOIN namespaces AS n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd', 'r', 'c')
        AND NOT EXISTS (SELECT 1 FROM relations AS r WHERE r.reltype = t.oid AND r.relkind <> 'c')

    UNION ALL
    SELECT
        'pg_catalog.pg_constraint'::regclass,
        k.oid,
        0,
        'constraint ' || r.ident || '.' || pg_catalog.quote_ident(k.conname),
        pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', r.ident, k.conname),
        pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.ident, k.conname, pg_catalog.pg_get_constraintdef(k.oid))
    FROM pg_catalog.pg_constraint AS k
    JOIN relations AS r ON r.oid = k.conrelid
    WHERE k.conparentid = 0
        AND k.coninhcount = 0
        -- PostgreSQL 18 stores NOT NULL here too; the column has it.
        AND k.contype IN ('c', 'f', 'p', 'u', 'x')

    UNION ALL
    SELECT
        'pg_catalog.pg_trigger'::regclass,
        t.oid,
        0,
        'trigger ' || r.ident || '.' || pg_catalog.quote_ident(t.tgname),
        pg_catalog.format('DROP TRIGGER %I ON %s', t.tgname, r.ident),
        pg_catalog.pg_get_triggerdef(t.oid) || CASE t.tgenabled
            WHEN 'D' THEN pg_catalog.format('; ALTER TABLE %s DISABLE TRIGGER %I', r.ident, t.tgname)
            WHEN 'A' THEN pg_catalog.format('; ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', r.ident, t.tgname)
            WHEN 'R' THEN pg_catalog.format('; ALTER TABLE %s ENABLE REPLICA TRIGGER %I', r.ident, t.tgname)
            ELSE ''
        END
    FROM pg_catalog.pg_trigger AS t
    JOIN relations AS r ON r.oid = t.tgrelid
    WHERE t.tgparentid = 0
        AND NOT t.tgisinternal

    UNION ALL
    SELECT
        'pg_catalog.pg_policy'::regclass,
        p.oid,
        0,
        'policy ' || r.ident || '.' || pg_catalog.quote_ident(p.polname),
        pg_catalog.format('DROP POLICY %I ON %s', p.polname, r.ident),
        pg_catalog.format(
            'CREATE POLICY %I ON %s AS %s FOR %s TO %s',
            p.polname,
            r.ident,
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            (
                SELECT pg_catalog.string_agg(
                    CASE o.role WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.role)) END, ', '
                )
                FROM pg_catalog.unnest(p.polroles) AS o (role)
            )
        )
        || COALESCE(' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
        || COALESCE(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
    FROM pg_catalog.pg_policy AS p
    JOIN relations AS r ON r.oid = p.polrelid

    UNION ALL
    SELECT
        'pg_catalog.pg_rewrite'::regclass,
        w.oid,
        0,
        'rule ' || r.ident || '.' || pg_catalog.quote_ident(w.rulename),
        pg_catalog.format('DROP RULE %I ON %s', w.rulename, r.ident),
        pg_catalog.rtrim(pg_catalog.pg_get_ruledef(w.oid), ';')
    FROM pg_catalog.pg_rewrite AS w
    JOIN relations AS r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'

    UNION ALL
    SELECT
        'pg_catalog.pg_statistic_ext'::regclass,
        s.oid,
        0,
        'statistics ' || n.prefix || pg_catalog.quote_ident(s.stxname),
        'DROP STATISTICS ' || n.prefix || pg_catalog.quote_ident(s.stxname),
        pg_catalog.pg_get_statisticsobjdef(s.oid)
    FROM pg_catalog.pg_statistic_ext AS s
    JOIN namespaces AS n ON n.oid = s.stxnamespace

    UNION ALL
    SELECT
        'pg_catalog.pg_publication_rel'::regclass,
        m.oid,
        0,
        'publication_table ' || pg_catalog.quote_ident(p.pubname) || '.' || r.ident,
        pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, r.ident),
        pg_catalog.format('ALTER PUBLICATION %I ADD TABLE %s', p.pubname, r.ident)
        || COALESCE(' (' || (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = m.prrelid
                AND a.attnum = ANY (m.prattrs::int2[])
        ) || ')', '')
        || COALESCE(' WHERE (' || pg_catalog.pg_get_expr(m.prqual, m.prrelid) || ')', '')
    FROM pg_catalog.pg_publication_rel AS m
    JOIN pg_catalog.pg_publication AS p ON p.oid = m.prpubid
    JOIN relations AS r ON r.oid = m.prrelid
),
-- One line a dependency, with what stands for a part of something else replaced by that.
edges AS MATERIALIZED (
    SELECT DISTINCT
        d.refclassid,
        d.refobjid,
        d.refobjsubid,
        COALESCE(m.classid, d.classid) AS classid,
        COALESCE(m.objid, d.objid) AS objid,
        COALESCE(m.objsubid, d.objsubid) AS objsubid,
        COALESCE(m.is_default, false) AS is_default
    FROM pg_catalog.pg_depend AS d
    LEFT JOIN LATERAL (
        SELECT 'pg_catalog.pg_class'::regclass::oid, w.ev_class, 0, false
        FROM pg_catalog.pg_rewrite AS w
        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
            AND w.oid = d.objid
            AND w.rulename = '_RETURN'

        UNION ALL
        SELECT 'pg_catalog.pg_class'::regclass, e.adrelid, e.adnum, a.attgenerated = ''
        FROM pg_catalog.pg_attrdef AS e
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
        WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass
            AND e.oid = d.objid

        UNION ALL
        -- The row type of a table stands for it.
        SELECT 'pg_catalog.pg_type'::regclass, t.typelem, 0, false
        FROM pg_catalog.pg_type AS t
        WHERE d.classid = 'pg_catalog.pg_type'::regclass
            AND t.oid = d.objid
            AND t.typcategory = 'A'
    ) AS m (classid, objid, objsubid, is_default) ON true
    WHERE d.refclassid IN (
        'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass,
        'pg_catalog.pg_constraint'::regclass
    )
        AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
),
hanging AS (
    SELECT o.classid, o.objid, o.objsubid, 0 AS depth, false AS is_default
    FROM objects AS o
    JOIN going AS g ON g.key = o.key

    UNION
    SELECT 'pg_catalog.pg_type'::regclass, r.reltype, 0, 0, false
    FROM relations AS r
    JOIN going AS g ON g.key = r.kind || ' ' || r.ident
    WHERE r.reltype <> 0

    UNION
    -- A column that somebody added to a table that goes.
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, a.attnum, 1, false
    FROM relations AS r
    JOIN going AS g ON g.key = r.kind || ' ' || r.ident
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE r.kind = 'table'

    UNION
    SELECT e.classid, e.objid, e.objsubid, h.depth + 1, e.is_default
    FROM hanging AS h
    JOIN edges AS e
        ON e.refclassid = h.classid
        AND e.refobjid = h.objid
        AND (h.objsubid = 0 OR e.refobjsubid = h.objsubid)
    WHERE h.depth < 50
        -- A column loses its default, and stays with what depends on it.
        AND NOT h.is_default
        AND (e.classid, e.objid, e.objsubid) IS DISTINCT FROM (h.classid, h.objid, h.objsubid)
),
found AS (
    SELECT
        o.key,
        o.gone,
        o.made,
        max(h.depth) AS depth
    FROM hanging AS h
    JOIN objects AS o ON o.classid = h.classid AND o.objid = h.objid AND o.objsubid = h.objsubid
    WHERE h.depth > 0
        AND NOT EXISTS (SELECT 1 FROM going AS g WHERE g.key = o.key)
        AND NOT :'changing'::jsonb ? o.key
    GROUP BY o.key, o.gone, o.made
)
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
    'key', f.key, 'gone', f.gone, 'made', f.made
) ORDER BY f.depth, f.key), '[]'::json)::text AS payload
FROM found AS f
-- An index of a constraint comes and goes with it.
WHERE NOT (
    f.key LIKE 'index %'
    AND EXISTS (
        SELECT 1
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conindid = pg_catalog.to_regclass(pg_catalog.substr(f.key, 7))
            AND k.contype IN ('p', 'u', 'x')
    )
);
SET LOCAL search_path = :"schema", pg_temp;
FETCH pgmigrate_dependents \gset
SET LOCAL search_path = pg_catalog, pg_temp;
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate dependents :payload
