-- For psycopg, prepared (integer, oid[], oid[], oid[], oid[], bigint, oid[], tid[]): what the current transaction has written to the catalog after
-- one of its subtransactions, and which relations, functions and types have other lines for it, as catalog.sql is asked
-- for. Values: that subtransaction, counted from the transaction's own id (-1: none); further relations, functions and
-- types that have other lines; catalogs of which the keys of all rows are wanted; catalogs to look for rows in that were
-- written, and those of which the other rows are counted, as rows of them may be deleted (see written.sql; null: all); how
-- many rows of pg_attribute were inserted or updated after that subtransaction, as the server counts them (null: not known);
-- catalogs of which rows are looked for from some place on, and that place (others: from their beginning).
-- The age of a row counts from the transaction's own id: 0 for its own, less for its subtransactions, more for what was
-- there before. What has been deleted leaves no row: then the number of the other rows of that catalog (others, of the
-- catalogs that are counted) is smaller than it was. The class of a row is written as a constant, so that no other
-- catalog is read than those that are asked for.
-- is_whole: something was written whose name may stand in the lines of anything; has_more: something that belongs to no
-- relation, function or type; elsewhere: what tells roles and user mappings apart, which everybody may read; seen: of the
-- catalogs in which rows were found, how many and the last place; referenced: on what that depends that was written; updates:
-- by relation of which the row was written, how often its rows in other catalogs were updated if it is new.
WITH RECURSIVE written AS NOT MATERIALIZED (
    -- object and part: key of the row in its catalog; homes: to which of the three it belongs.
    SELECT 'pg_catalog.pg_class'::regclass::oid AS class, c.oid::bigint AS object, 0::bigint AS part, ARRAY[c.oid] AS homes, c.ctid, c.xmin
    FROM pg_catalog.pg_class AS c
    WHERE c.oid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass::oid, p.oid::bigint, 0::bigint, ARRAY[p.oid], p.ctid, p.xmin
    FROM pg_catalog.pg_proc AS p
    WHERE p.oid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass::oid, t.oid::bigint, 0::bigint, ARRAY[t.oid, t.typrelid], t.ctid, t.xmin
    FROM pg_catalog.pg_type AS t
    WHERE t.oid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass::oid, k.oid::bigint, 0::bigint, ARRAY[k.conrelid, k.contypid], k.ctid, k.xmin
    FROM pg_catalog.pg_constraint AS k
    WHERE k.oid::bigint >= 16384

    UNION ALL
    SELECT
        'pg_catalog.pg_trigger'::regclass::oid,
        t.oid::bigint,
        0::bigint,
        ARRAY[t.tgrelid, (SELECT k.conrelid FROM pg_catalog.pg_constraint AS k WHERE k.oid = t.tgconstraint)],
        t.ctid,
        t.xmin
    FROM pg_catalog.pg_trigger AS t

    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass::oid, p.oid::bigint, 0::bigint, ARRAY[p.polrelid], p.ctid, p.xmin
    FROM pg_catalog.pg_policy AS p

    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass::oid, w.oid::bigint, 0::bigint, ARRAY[w.ev_class], w.ctid, w.xmin
    FROM pg_catalog.pg_rewrite AS w
    WHERE w.oid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass::oid, s.oid::bigint, 0::bigint, ARRAY[s.stxrelid], s.ctid, s.xmin
    FROM pg_catalog.pg_statistic_ext AS s

    UNION ALL
    SELECT 'pg_catalog.pg_publication_rel'::regclass::oid, m.oid::bigint, 0::bigint, ARRAY[m.prrelid], m.ctid, m.xmin
    FROM pg_catalog.pg_publication_rel AS m

    UNION ALL
    SELECT 'pg_catalog.pg_inherits'::regclass::oid, i.inhrelid::bigint, i.inhparent::bigint, ARRAY[i.inhrelid, i.inhparent], i.ctid, i.xmin
    FROM pg_catalog.pg_inherits AS i

    UNION ALL
    SELECT
        'pg_catalog.pg_description'::regclass::oid,
        c.objoid::bigint,
        c.objsubid::bigint * 4294967296 + c.classoid::bigint,
        ARRAY[
            CASE c.classoid
                WHEN 'pg_catalog.pg_constraint'::regclass
                    THEN (SELECT COALESCE(NULLIF(k.conrelid, 0), k.contypid) FROM pg_catalog.pg_constraint AS k WHERE k.oid = c.objoid)
                WHEN 'pg_catalog.pg_trigger'::regclass
                    THEN (SELECT t.tgrelid FROM pg_catalog.pg_trigger AS t WHERE t.oid = c.objoid)
                WHEN 'pg_catalog.pg_policy'::regclass
                    THEN (SELECT p.polrelid FROM pg_catalog.pg_policy AS p WHERE p.oid = c.objoid)
                WHEN 'pg_catalog.pg_rewrite'::regclass
                    THEN (SELECT w.ev_class FROM pg_catalog.pg_rewrite AS w WHERE w.oid = c.objoid)
                WHEN 'pg_catalog.pg_statistic_ext'::regclass
                    THEN (SELECT s.stxrelid FROM pg_catalog.pg_statistic_ext AS s WHERE s.oid = c.objoid)
                ELSE c.objoid
            END
        ],
        c.ctid,
        c.xmin
    FROM pg_catalog.pg_description AS c
    WHERE c.objoid::bigint >= 16384

    UNION ALL
    -- Which column a sequence belongs to; what belongs to an extension.
    SELECT
        'pg_catalog.pg_depend'::regclass::oid,
        d.objid::bigint,
        d.classid::bigint * 4294967296 + CASE d.deptype WHEN 'e' THEN 1 WHEN 'a' THEN 2 ELSE 3 END,
        ARRAY[d.objid],
        d.ctid,
        d.xmin
    FROM pg_catalog.pg_depend AS d
    WHERE d.deptype = 'e'
        OR (
            d.classid = 'pg_catalog.pg_class'::regclass
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjsubid > 0
            AND d.deptype IN ('a', 'i')
            AND (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = d.objid) = 'S'
        )
),
-- Whoever changes a relation or its columns has it locked (but for rights).
locked AS MATERIALIZED (
    SELECT DISTINCT l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.pid = pg_catalog.pg_backend_pid()
        AND l.locktype = 'relation'
        AND l.relation >= 16384
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
        AND (COALESCE($6, 0) > 0 OR pg_catalog.cardinality($7) > 0)
),
-- So columns are found by index, which counts in the largest of all catalogs: where they are as many as the server has
-- counted, they are all of them.
locked_attributes AS MATERIALIZED (
    SELECT
        a.attrelid,
        a.ctid,
        a.xmin,
        count(*) OVER () = $6 AS is_all
    FROM locked AS l
    CROSS JOIN LATERAL (
        SELECT a.attrelid, a.ctid, a.xmin
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = l.relation
            AND -pg_catalog.age(a.xmin) > $1
        OFFSET 0
    ) AS a
    WHERE $6 > 0
        AND COALESCE('pg_catalog.pg_attribute'::regclass = ANY ($4::oid[]), true)
),
-- What belongs to one of those rows, and goes with it.
parts AS NOT MATERIALIZED (
    SELECT 'pg_catalog.pg_attribute'::regclass::oid AS class, ARRAY[a.attrelid] AS homes, a.ctid, a.xmin
    FROM locked_attributes AS a
    WHERE a.is_all

    UNION ALL
    SELECT 'pg_catalog.pg_attribute'::regclass::oid, ARRAY[a.attrelid], a.ctid, a.xmin
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid::bigint >= 16384
        AND NOT COALESCE((SELECT pg_catalog.bool_and(l.is_all) FROM locked_attributes AS l), false)

    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass::oid, ARRAY[d.adrelid], d.ctid, d.xmin
    FROM pg_catalog.pg_attrdef AS d

    UNION ALL
    SELECT 'pg_catalog.pg_index'::regclass::oid, ARRAY[i.indexrelid, i.indrelid], i.ctid, i.xmin
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_enum'::regclass::oid, ARRAY[v.enumtypid], v.ctid, v.xmin
    FROM pg_catalog.pg_enum AS v

    UNION ALL
    SELECT 'pg_catalog.pg_range'::regclass::oid, ARRAY[g.rngtypid], g.ctid, g.xmin
    FROM pg_catalog.pg_range AS g
    WHERE g.rngtypid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_sequence'::regclass::oid, ARRAY[s.seqrelid], s.ctid, s.xmin
    FROM pg_catalog.pg_sequence AS s

    UNION ALL
    SELECT 'pg_catalog.pg_aggregate'::regclass::oid, ARRAY[g.aggfnoid::oid], g.ctid, g.xmin
    FROM pg_catalog.pg_aggregate AS g
    WHERE g.aggfnoid::bigint >= 16384

    UNION ALL
    SELECT 'pg_catalog.pg_foreign_table'::regclass::oid, ARRAY[f.ftrelid], f.ctid, f.xmin
    FROM pg_catalog.pg_foreign_table AS f

    UNION ALL
    SELECT 'pg_catalog.pg_partitioned_table'::regclass::oid, ARRAY[p.partrelid], p.ctid, p.xmin
    FROM pg_catalog.pg_partitioned_table AS p
),
-- Their names may stand in any line.
names AS NOT MATERIALIZED (
    SELECT 'pg_catalog.pg_namespace'::regclass::oid AS class, n.oid AS object, n.xmin FROM pg_catalog.pg_namespace AS n
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass::oid, o.oid, o.xmin FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass::oid, c.oid, c.xmin FROM pg_catalog.pg_opclass AS c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass::oid, f.oid, f.xmin FROM pg_catalog.pg_opfamily AS f WHERE f.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass::oid, c.oid, c.xmin FROM pg_catalog.pg_collation AS c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass::oid, l.oid, l.xmin FROM pg_catalog.pg_language AS l
    UNION ALL
    SELECT 'pg_catalog.pg_am'::regclass::oid, m.oid, m.xmin FROM pg_catalog.pg_am AS m
    UNION ALL
    SELECT 'pg_catalog.pg_extension'::regclass::oid, e.oid, e.xmin FROM pg_catalog.pg_extension AS e
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass::oid, s.oid, s.xmin FROM pg_catalog.pg_foreign_server AS s
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass::oid, w.oid, w.xmin FROM pg_catalog.pg_foreign_data_wrapper AS w
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass::oid, c.oid, c.xmin FROM pg_catalog.pg_ts_config AS c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass::oid, d.oid, d.xmin FROM pg_catalog.pg_ts_dict AS d WHERE d.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::regclass::oid, p.oid, p.xmin FROM pg_catalog.pg_publication AS p
),
-- What has lines that are read each time.
alone AS NOT MATERIALIZED (
    SELECT 'pg_catalog.pg_cast'::regclass::oid AS class, c.ctid, c.xmin FROM pg_catalog.pg_cast AS c
    UNION ALL
    SELECT 'pg_catalog.pg_transform'::regclass::oid, t.ctid, t.xmin FROM pg_catalog.pg_transform AS t
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass::oid, c.ctid, c.xmin FROM pg_catalog.pg_conversion AS c
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::regclass::oid, p.ctid, p.xmin FROM pg_catalog.pg_ts_parser AS p
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::regclass::oid, t.ctid, t.xmin FROM pg_catalog.pg_ts_template AS t
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config_map'::regclass::oid, m.ctid, m.xmin FROM pg_catalog.pg_ts_config_map AS m
    UNION ALL
    SELECT 'pg_catalog.pg_amop'::regclass::oid, o.ctid, o.xmin FROM pg_catalog.pg_amop AS o
    UNION ALL
    SELECT 'pg_catalog.pg_amproc'::regclass::oid, p.ctid, p.xmin FROM pg_catalog.pg_amproc AS p
    UNION ALL
    SELECT 'pg_catalog.pg_default_acl'::regclass::oid, a.ctid, a.xmin FROM pg_catalog.pg_default_acl AS a
    UNION ALL
    SELECT 'pg_catalog.pg_event_trigger'::regclass::oid, t.ctid, t.xmin FROM pg_catalog.pg_event_trigger AS t
    UNION ALL
    SELECT 'pg_catalog.pg_publication_namespace'::regclass::oid, n.ctid, n.xmin FROM pg_catalog.pg_publication_namespace AS n
    UNION ALL
    SELECT 'pg_catalog.pg_description'::regclass::oid, c.ctid, c.xmin FROM pg_catalog.pg_description AS c WHERE c.objoid < 16384
),
rows_written AS MATERIALIZED (
    SELECT
        w.class,
        w.object,
        w.part,
        w.homes,
        w.ctid,
        -pg_catalog.age(w.xmin) AS place
    FROM written AS w
    WHERE -pg_catalog.age(w.xmin) > $1
        AND COALESCE(w.class = ANY ($4::oid[]), true)
        AND w.ctid >= COALESCE(($8)[pg_catalog.array_position($7, w.class)], '(0,0)')

    UNION ALL
    -- What was there before is written again where it was, if there is room.
    SELECT
        'pg_catalog.pg_class'::regclass,
        c.oid::bigint,
        0::bigint,
        ARRAY[c.oid],
        c.ctid,
        c.place
    FROM locked AS l
    CROSS JOIN LATERAL (
        SELECT c.oid, c.ctid, -pg_catalog.age(c.xmin) AS place
        FROM pg_catalog.pg_class AS c
        WHERE c.oid = l.relation
            AND -pg_catalog.age(c.xmin) > $1
            AND c.ctid < ($8)[pg_catalog.array_position($7, 'pg_catalog.pg_class'::regclass)]
        OFFSET 0
    ) AS c
    WHERE COALESCE('pg_catalog.pg_class'::regclass = ANY ($4::oid[]), true)
        AND (SELECT count(*) FROM locked AS l) < 100
),
parts_written AS MATERIALIZED (
    SELECT
        p.class,
        p.homes,
        p.ctid,
        -pg_catalog.age(p.xmin) AS place
    FROM parts AS p
    WHERE -pg_catalog.age(p.xmin) > $1
        AND COALESCE(p.class = ANY ($4::oid[]), true)
        AND p.ctid >= COALESCE(($8)[pg_catalog.array_position($7, p.class)], '(0,0)')

    UNION ALL
    SELECT
        'pg_catalog.pg_attribute'::regclass,
        ARRAY[a.attrelid],
        a.ctid,
        a.place
    FROM locked AS l
    CROSS JOIN LATERAL (
        SELECT a.attrelid, a.ctid, -pg_catalog.age(a.xmin) AS place
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = l.relation
            AND -pg_catalog.age(a.xmin) > $1
            AND a.ctid < ($8)[pg_catalog.array_position($7, 'pg_catalog.pg_attribute'::regclass)]
        OFFSET 0
    ) AS a
    WHERE COALESCE('pg_catalog.pg_attribute'::regclass = ANY ($4::oid[]), true)
        AND (SELECT count(*) FROM locked AS l) < 100
),
alone_written AS MATERIALIZED (
    SELECT
        a.class,
        a.ctid,
        -pg_catalog.age(a.xmin) AS place
    FROM alone AS a
    WHERE -pg_catalog.age(a.xmin) > $1
        AND COALESCE(a.class = ANY ($4::oid[]), true)
        AND a.ctid >= COALESCE(($8)[pg_catalog.array_position($7, a.class)], '(0,0)')
),
depending AS MATERIALIZED (
    SELECT
        d.refclassid,
        d.refobjid,
        d.ctid
    FROM pg_catalog.pg_depend AS d
    WHERE -pg_catalog.age(d.xmin) > $1
        AND COALESCE('pg_catalog.pg_depend'::regclass = ANY ($4::oid[]), true)
        AND d.ctid >= COALESCE(($8)[pg_catalog.array_position($7, 'pg_catalog.pg_depend'::regclass)], '(0,0)')
),
fresh AS MATERIALIZED (
    SELECT pg_catalog.unnest(w.homes) AS home, w.place
    FROM rows_written AS w

    UNION ALL
    SELECT pg_catalog.unnest(p.homes), p.place
    FROM parts_written AS p
),
-- An oid has four bytes: of such a comparison the planner expects few to hold. Else it would expect all rows of all catalogs to
-- have been written, and make tables for their hashes that take longer than the rest.
own AS MATERIALIZED (
    SELECT f.home
    FROM fresh AS f
    WHERE f.home <> 0
        AND pg_catalog.pg_column_size(f.home) = 4

    UNION
    SELECT m.home
    FROM pg_catalog.unnest($2::oid[]) AS m (home)
),
-- What has the name of one of them in its definition.
naming AS MATERIALIZED (
    SELECT DISTINCT d.classid, d.objid
    FROM own AS o
    -- By index: the planner expects many in own, and would look through all of pg_depend.
    CROSS JOIN LATERAL (
        SELECT d.classid, d.objid
        FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass)
            AND d.refobjid = o.home
        OFFSET 0
    ) AS d
),
scope (home) AS (
    SELECT o.home FROM own AS o WHERE pg_catalog.pg_column_size(o.home) = 4

    UNION
    SELECT n.home
    FROM (
        SELECT n.objid
        FROM naming AS n
        WHERE n.classid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass)

        UNION ALL
        SELECT w.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT w.ev_class AS home FROM pg_catalog.pg_rewrite AS w WHERE w.oid = n.objid OFFSET 0) AS w
        WHERE n.classid = 'pg_catalog.pg_rewrite'::regclass

        UNION ALL
        SELECT d.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT d.adrelid AS home FROM pg_catalog.pg_attrdef AS d WHERE d.oid = n.objid OFFSET 0) AS d
        WHERE n.classid = 'pg_catalog.pg_attrdef'::regclass

        UNION ALL
        SELECT k.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(k.conrelid, 0), k.contypid) AS home FROM pg_catalog.pg_constraint AS k WHERE k.oid = n.objid OFFSET 0) AS k
        WHERE n.classid = 'pg_catalog.pg_constraint'::regclass

        UNION ALL
        SELECT t.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT t.tgrelid AS home FROM pg_catalog.pg_trigger AS t WHERE t.oid = n.objid OFFSET 0) AS t
        WHERE n.classid = 'pg_catalog.pg_trigger'::regclass

        UNION ALL
        SELECT p.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT p.polrelid AS home FROM pg_catalog.pg_policy AS p WHERE p.oid = n.objid OFFSET 0) AS p
        WHERE n.classid = 'pg_catalog.pg_policy'::regclass

        UNION ALL
        SELECT s.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT s.stxrelid AS home FROM pg_catalog.pg_statistic_ext AS s WHERE s.oid = n.objid OFFSET 0) AS s
        WHERE n.classid = 'pg_catalog.pg_statistic_ext'::regclass

        UNION ALL
        SELECT m.home
        FROM naming AS n
        CROSS JOIN LATERAL (SELECT m.prrelid AS home FROM pg_catalog.pg_publication_rel AS m WHERE m.oid = n.objid OFFSET 0) AS m
        WHERE n.classid = 'pg_catalog.pg_publication_rel'::regclass
    ) AS n (home)
    WHERE pg_catalog.pg_column_size(n.home) = 4

    UNION
    -- What the lines of one cannot be written without.
    SELECT x.home
    FROM scope AS s
    CROSS JOIN LATERAL (
        SELECT i.indrelid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = s.home
        UNION ALL
        SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = s.home
        UNION ALL
        SELECT t.typrelid FROM pg_catalog.pg_type AS t WHERE t.oid = s.home AND t.typrelid <> 0
        UNION ALL
        SELECT c.reltype FROM pg_catalog.pg_class AS c WHERE c.oid = s.home AND c.reltype <> 0
        UNION ALL
        SELECT i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = s.home
        UNION ALL
        SELECT d.refobjid
        FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass
            AND d.objid = s.home
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjsubid > 0
            AND d.deptype IN ('a', 'i')
    ) AS x (home)
    WHERE pg_catalog.pg_column_size(x.home) = 4
)
SELECT
    EXISTS (
        SELECT 1
        FROM names AS n
        WHERE -pg_catalog.age(n.xmin) > $1
            AND COALESCE(n.class = ANY ($4::oid[]), true)
    ) OR EXISTS (
        SELECT 1
        FROM rows_written AS j
        WHERE j.class = 'pg_catalog.pg_depend'::regclass
            AND j.part % 4294967296 = 1
    ) AS is_whole,
    EXISTS (SELECT 1 FROM alone_written AS a) AS has_more,
    GREATEST(
        $1,
        (SELECT max(f.place) FROM fresh AS f),
        (
            SELECT max(-pg_catalog.age(n.xmin))
            FROM names AS n
            WHERE -pg_catalog.age(n.xmin) > $1
                AND COALESCE(n.class = ANY ($4::oid[]), true)
        ),
        (SELECT max(a.place) FROM alone_written AS a)
    ) AS last,
    COALESCE((SELECT pg_catalog.array_agg(s.home::bigint) FROM scope AS s), '{}') AS objects,
    COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(j.class::bigint, j.object, j.part))
        FROM rows_written AS j
    ), '[]'::json) AS fresh,
    COALESCE((
        SELECT pg_catalog.json_object_agg(c.class, c.others)
        FROM (
            SELECT w.class::bigint, count(*) FILTER (WHERE -pg_catalog.age(w.xmin) <= $1)
            FROM written AS w
            WHERE COALESCE(w.class = ANY ($5::oid[]), true)
            GROUP BY w.class

            UNION ALL
            SELECT n.class::bigint, count(*)
            FROM names AS n
            WHERE COALESCE(n.class = ANY ($5::oid[]), true)
            GROUP BY n.class

            UNION ALL
            -- Catalogs with rows of both kinds: pg_description.
            SELECT a.class::bigint + 4294967296, count(*)
            FROM alone AS a
            WHERE COALESCE(a.class = ANY ($5::oid[]), true)
            GROUP BY a.class
        ) AS c (class, others)
    ), '{}'::json) AS others,
    COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(j.class::bigint, j.object, j.part))
        FROM written AS j
        WHERE j.class = ANY ($3::oid[])
    ), '[]'::json) AS keys,
    (
        SELECT pg_catalog.md5(pg_catalog.string_agg(e.text, ' ' ORDER BY e.text COLLATE "C"))
        FROM (
            SELECT pg_catalog.format('role %s %s', r.oid, r.rolname)
            FROM pg_catalog.pg_roles AS r
            UNION ALL
            SELECT pg_catalog.format('%s', u)
            FROM pg_catalog.pg_user_mappings AS u
        ) AS e (text)
    ) AS elsewhere,
    COALESCE((
        SELECT pg_catalog.json_object_agg(s.class, pg_catalog.json_build_array(s.rows, s.place))
        FROM (
            SELECT
                w.class::bigint,
                count(*),
                max(w.ctid)
            FROM (
                SELECT j.class, j.ctid
                FROM rows_written AS j
                WHERE j.class <> 'pg_catalog.pg_depend'::regclass

                UNION ALL
                SELECT p.class, p.ctid FROM parts_written AS p
                UNION ALL
                SELECT a.class, a.ctid FROM alone_written AS a
                UNION ALL
                SELECT 'pg_catalog.pg_depend'::regclass, d.ctid FROM depending AS d
            ) AS w
            GROUP BY w.class
        ) AS s (class, rows, place)
    ), '{}'::json) AS seen,
    ARRAY(
        SELECT DISTINCT d.refobjid::bigint
        FROM depending AS d
        WHERE d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass)
    ) AS referenced,
    COALESCE((
        -- Each of these is not so in the row that is inserted, and set by an update of its own.
        SELECT pg_catalog.json_object_agg(
            c.oid::bigint,
            pg_catalog.json_build_object(
                'pg_class',
                (c.reltoastrelid <> 0)::integer
                    + (c.relchecks > 0)::integer
                    + c.relhastriggers::integer
                    + c.relhasrules::integer
                    + (c.relispartition AND c.relkind NOT IN ('i', 'I'))::integer
                    + c.relhassubclass::integer,
                'pg_attribute',
                (SELECT count(*) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.atthasdef),
                'pg_sequence',
                CASE WHEN c.relkind = 'S' THEN (
                    SELECT count(*)
                    FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass
                        AND d.objid = c.oid
                        AND d.refclassid = 'pg_catalog.pg_class'::regclass
                        AND d.refobjsubid > 0
                        AND d.deptype IN ('a', 'i')
                ) ELSE 0 END
            )
        )
        FROM rows_written AS j
        JOIN pg_catalog.pg_class AS c ON c.oid = j.object::oid
        WHERE j.class = 'pg_catalog.pg_class'::regclass
    ), '{}'::json) AS updates
