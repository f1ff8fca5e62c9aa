-- Tells apart, of the lines that the effect does not promise, those that a promised change carried along: the object
-- was there and is there, only its text is another, and it depends on what the effect changes or is a child of it
-- (a view of a column that has another name now, a partition of a table that got a column). Variables: foreign_lines
-- (JSON, each with its sign), removed, added (arrays), minus, plus, compared_before, compared_after. Leaves carried, and the others in
-- foreign_lines, and takes carried out of removed and added: it goes back by itself when the change does.
WITH RECURSIVE lines AS MATERIALIZED (
    SELECT
        u.sign,
        u.line,
        u.identity,
        pg_catalog.split_part(u.identity, ':', 1)::oid AS class,
        pg_catalog.split_part(u.identity, ':', 2)::oid AS object,
        pg_catalog.split_part(u.identity, ':', 3)::integer AS part,
        u.line IN (
            SELECT p.line
            FROM pg_catalog.jsonb_array_elements_text(
                CASE u.sign WHEN '-' THEN :'minus'::jsonb ELSE :'plus'::jsonb END
            ) AS p (line)
        ) AS is_promised,
        -- Kind and name, and what comes after them.
        pg_catalog.regexp_match(
            u.line,
            '^((?:owner |grant |comment |definition )?)([a-z_]+) ((?:"(?:[^"]|"")*"|[^" ])+)(.*)$'
        ) AS words
    FROM (
        SELECT '-' AS sign, b.line, b.identity
        FROM ROWS FROM (
            pg_catalog.unnest(pg_catalog.current_setting(:'compared_before')::text[]),
            pg_catalog.unnest(pg_catalog.current_setting(:'compared_before' || '_identities')::text[])
        ) AS b (line, identity)

        UNION ALL
        SELECT '+', a.line, a.identity
        FROM ROWS FROM (
            pg_catalog.unnest(pg_catalog.current_setting(:'compared_after')::text[]),
            pg_catalog.unnest(pg_catalog.current_setting(:'compared_after' || '_identities')::text[])
        ) AS a (line, identity)
    ) AS u
    WHERE u.sign || ' ' || u.line IN (SELECT pg_catalog.jsonb_array_elements_text(:'foreign_lines'::jsonb))
        OR u.sign = '-' AND u.line IN (SELECT pg_catalog.jsonb_array_elements_text(:'minus'::jsonb))
        OR u.sign = '+' AND u.line IN (SELECT pg_catalog.jsonb_array_elements_text(:'plus'::jsonb))
),
-- What the effect changes, and what depends on it, near or far; is_child: got there from a parent to its child.
reached (class, object, part, is_child) AS (
    SELECT l.class, l.object, l.part, false
    FROM lines AS l
    WHERE l.is_promised

    UNION
    SELECT n.class, n.object, n.part, n.is_child
    FROM reached AS r
    CROSS JOIN LATERAL (
        SELECT d.classid, d.objid, d.objsubid, r.is_child
        FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid = r.class
            AND d.refobjid = r.object
            AND (r.part = 0 OR d.refobjsubid = r.part)
            AND d.deptype <> 'e'

        UNION ALL
        -- All parts of a whole.
        SELECT r.class, r.object, a.attnum, r.is_child
        FROM pg_catalog.pg_attribute AS a
        WHERE r.class = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND r.part = 0
            AND a.attrelid = r.object
            AND a.attnum > 0

        UNION ALL
        -- A default is of its column, the rule behind a view of the view.
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, f.adrelid, f.adnum, r.is_child
        FROM pg_catalog.pg_attrdef AS f
        WHERE r.class = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
            AND f.oid = r.object

        UNION ALL
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, w.ev_class, 0, r.is_child
        FROM pg_catalog.pg_rewrite AS w
        WHERE r.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
            AND w.oid = r.object
            AND w.rulename = '_RETURN'

        UNION ALL
        -- From parent to child: tables and indexes, columns by name, constraints, triggers.
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.inhrelid, COALESCE(c.attnum, 0), true
        FROM pg_catalog.pg_inherits AS i
        LEFT JOIN pg_catalog.pg_attribute AS p ON p.attrelid = i.inhparent AND p.attnum = r.part AND r.part <> 0
        LEFT JOIN pg_catalog.pg_attribute AS c ON c.attrelid = i.inhrelid AND c.attname = p.attname
        WHERE r.class = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND i.inhparent = r.object
            AND (r.part = 0 OR c.attnum IS NOT NULL)

        UNION ALL
        SELECT r.class, k.oid, 0, true
        FROM pg_catalog.pg_constraint AS p
        JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.conrelid
        JOIN pg_catalog.pg_constraint AS k ON k.conrelid = i.inhrelid
        WHERE r.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass
            AND p.oid = r.object
            AND (k.conparentid = p.oid OR k.coninhcount > 0 AND k.conname = p.conname)

        UNION ALL
        SELECT r.class, t.oid, 0, true
        FROM pg_catalog.pg_trigger AS t
        WHERE r.class = 'pg_catalog.pg_trigger'::pg_catalog.regclass
            AND t.tgparentid = r.object
    ) AS n (class, object, part, is_child)
),
-- Tables below one of which the effect changes a column, with the names of those columns: such a column may be gone.
below (parent, child) AS (
    SELECT l.object, l.object
    FROM lines AS l
    WHERE l.is_promised
        AND l.part > 0

    UNION
    SELECT b.parent, i.inhrelid
    FROM below AS b
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.child
),
unexpected AS MATERIALIZED (
    SELECT
        l.*,
        r.is_reached,
        r.is_child,
        pg_catalog.regexp_replace(l.words[3], '^.*\.', '') AS name
    FROM lines AS l
    CROSS JOIN LATERAL (
        SELECT
            count(*) > 0,
            COALESCE(pg_catalog.bool_or(r.is_child), false)
        FROM reached AS r
        WHERE (r.class, r.object, r.part) = (l.class, l.object, l.part)
    ) AS r (is_reached, is_child)
    WHERE l.sign || ' ' || l.line IN (SELECT pg_catalog.jsonb_array_elements_text(:'foreign_lines'::jsonb))
        AND NOT l.is_promised
),
carried AS MATERIALIZED (
    SELECT u.sign, u.line
    FROM unexpected AS u
    WHERE (
            -- The same object; or made again under its name, as PostgreSQL does with an index or a constraint of a
            -- column that gets another type.
            EXISTS (
                SELECT 1
                FROM unexpected AS o
                WHERE o.sign <> u.sign
                    AND o.words[1] = u.words[1]
                    AND o.words[2] = u.words[2]
                    AND (o.identity = u.identity OR o.class = u.class AND o.words[3] = u.words[3])
                    AND (o.is_reached OR u.is_reached)
                    -- Of owner, grants and comments only what they are about may have another name.
                    AND (u.words[1] = '' OR o.words[4] = u.words[4])
            )
            -- What a part of a child has from its parent has no line, and gets one or loses it with the parent's.
            OR u.is_child
                AND (u.part > 0 OR u.words[2] IN ('index', 'constraint', 'trigger', 'trigger_state', 'index_setting'))
            -- What is set for a column goes with its type.
            OR u.words[2] IN ('column_setting', 'table_setting', 'index_setting')
                AND EXISTS (SELECT 1 FROM lines AS l WHERE l.is_promised AND l.identity = u.identity)
            OR u.sign = '-'
                AND u.part > 0
                AND EXISTS (
                    SELECT 1
                    FROM below AS b
                    JOIN lines AS l ON l.object = b.parent AND l.part > 0 AND l.is_promised AND l.sign = '-'
                    WHERE b.child = u.object
                        AND b.parent <> b.child
                        AND pg_catalog.regexp_replace(l.words[3], '^.*\.', '') = u.name
                )
        )
)
SELECT
    COALESCE((
        SELECT pg_catalog.json_agg(c.sign || ' ' || c.line ORDER BY c.line, c.sign) FROM carried AS c
    ), '[]'::json)::text AS carried,
    COALESCE((
        SELECT pg_catalog.json_agg(f.line ORDER BY f.place)
        FROM pg_catalog.jsonb_array_elements_text(:'foreign_lines'::jsonb) WITH ORDINALITY AS f (line, place)
        WHERE f.line NOT IN (SELECT c.sign || ' ' || c.line FROM carried AS c)
    ), '[]'::json)::text AS foreign_lines,
    COALESCE((
        SELECT pg_catalog.array_agg(g.line)
        FROM pg_catalog.unnest(:'removed'::text[]) AS g (line)
        WHERE g.line NOT IN (SELECT c.line FROM carried AS c WHERE c.sign = '-')
    ), '{}')::text AS removed,
    COALESCE((
        SELECT pg_catalog.array_agg(g.line)
        FROM pg_catalog.unnest(:'added'::text[]) AS g (line)
        WHERE g.line NOT IN (SELECT c.line FROM carried AS c WHERE c.sign = '+')
    ), '{}')::text AS added
\gset
-- What was there before the first migration is there still, in other words.
UPDATE pgmigrate.catalogs AS c
SET lines = ARRAY(
    SELECT l.line
    FROM (
        SELECT pg_catalog.unnest(c.lines) AS line
        UNION
        SELECT pg_catalog.substr(k.line, 3)
        FROM pg_catalog.jsonb_array_elements_text(:'carried'::jsonb) AS k (line)
        WHERE k.line LIKE '+%'
    ) AS l
    WHERE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.jsonb_array_elements_text(:'carried'::jsonb) AS k (line)
        WHERE k.line = '- ' || l.line
    )
    ORDER BY l.line COLLATE "C"
)
WHERE c.kind = 'first'
    AND :of_scope
    AND EXISTS (
        SELECT 1
        FROM pg_catalog.jsonb_array_elements_text(:'carried'::jsonb) AS k (line)
        WHERE k.line LIKE '-%'
            AND pg_catalog.substr(k.line, 3) = ANY (c.lines)
    );
