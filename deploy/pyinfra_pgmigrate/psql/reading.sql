-- Sets what a superuser is to run before a statement of ours reads tables. To plan a query PostgreSQL evaluates what the
-- expressions and predicates of a table's indexes, of its extended statistics and of its partition key call with
-- constants, as whoever asks; what they call otherwise its owner can make such a call at any time. Run before the
-- transaction that reads. Sets:
-- is_checked: whether there is anything to run; not for other roles, who give nobody more than they have
-- reading_locks: statements that lock all tables that somebody without that power owns, so that no index comes
--     meanwhile; first in a transaction: they take no snapshot
-- reading_check: a statement that fails, with what was found, when it finds a function of somebody without that power;
--     TABLES in it stands for an array of OIDs
-- writing_check: the same for what is run when rows are written: constraints, also of domains, and expressions of columns
-- reading_locked: one that fails when such a table has not that lock
SELECT r.rolsuper AS is_checked FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER \gset
\set reading_locks ''
\set reading_check ''
\set writing_check ''
\set reading_locked ''
\if :is_checked
-- CREATE INDEX, also CONCURRENTLY, and CREATE STATISTICS wait for it; whoever reads or writes does not. A standby has no
-- such lock.
SELECT COALESCE('LOCK TABLE ' || pg_catalog.string_agg(
    pg_catalog.format('ONLY %I.%I', n.nspname, c.relname), ', ' ORDER BY c.oid
) || ' IN SHARE UPDATE EXCLUSIVE MODE;', '') AS reading_locks
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p')
    AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema'
    AND NOT r.rolsuper
    AND NOT pg_catalog.pg_is_in_recovery() \gset
SELECT $check$DO $pgmigrate$
DECLARE
    one record;
BEGIN
    SELECT
        c.oid::pg_catalog.regclass::text AS reads,
        x.told AS what,
        p.oid::pg_catalog.regprocedure::text AS calls,
        r.rolname AS owner
    INTO one
    FROM pg_catalog.pg_class AS c
    CROSS JOIN LATERAL (
        SELECT
            i.indexrelid AS oid,
            'pg_catalog.pg_class'::pg_catalog.regclass AS classid,
            'index ' || i.indexrelid::pg_catalog.regclass::text AS told
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid
            AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
        UNION ALL
        SELECT
            e.oid,
            'pg_catalog.pg_statistic_ext'::pg_catalog.regclass,
            'statistics ' || pg_catalog.quote_ident(e.stxname)
        FROM pg_catalog.pg_statistic_ext AS e
        WHERE e.stxrelid = c.oid
            AND e.stxexprs IS NOT NULL
        UNION ALL
        SELECT p.partrelid, 'pg_catalog.pg_class'::pg_catalog.regclass, 'its partition key'
        FROM pg_catalog.pg_partitioned_table AS p
        WHERE p.partrelid = c.oid
            AND p.partexprs IS NOT NULL
        UNION ALL
        SELECT
            k.oid,
            'pg_catalog.pg_constraint'::pg_catalog.regclass,
            'constraint ' || pg_catalog.quote_ident(k.conname)
        FROM pg_catalog.pg_constraint AS k
        WHERE WRITES
            AND k.contype = 'c'
            AND (
                k.conrelid = c.oid
                OR k.contypid IN (
                    WITH RECURSIVE types AS (
                        SELECT a.atttypid AS oid
                        FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = c.oid
                            AND a.attnum > 0
                            -- A dropped column has no type; nor has the constraint of a table a domain.
                            AND NOT a.attisdropped
                        UNION
                        SELECT u.oid
                        FROM types AS y
                        JOIN pg_catalog.pg_type AS t ON t.oid = y.oid
                        CROSS JOIN LATERAL (
                            SELECT t.typelem AS oid
                            UNION ALL
                            SELECT t.typbasetype
                            UNION ALL
                            SELECT g.rngsubtype FROM pg_catalog.pg_range AS g WHERE g.rngtypid = t.oid
                            UNION ALL
                            SELECT e.atttypid
                            FROM pg_catalog.pg_attribute AS e
                            WHERE e.attrelid = t.typrelid
                                AND e.attnum > 0
                                AND NOT e.attisdropped
                        ) AS u
                        WHERE u.oid <> 0
                    )
                    SELECT y.oid FROM types AS y
                )
            )
        UNION ALL
        SELECT
            d.oid,
            'pg_catalog.pg_attrdef'::pg_catalog.regclass,
            'column ' || pg_catalog.quote_ident(a.attname)
        FROM pg_catalog.pg_attrdef AS d
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE WRITES
            AND d.adrelid = c.oid
    ) AS x
    JOIN pg_catalog.pg_depend AS d ON d.classid = x.classid AND d.objid = x.oid
    LEFT JOIN pg_catalog.pg_operator AS o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    JOIN pg_catalog.pg_proc AS p
        ON p.oid = CASE
            WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid
            ELSE o.oprcode
        END
    JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
    WHERE c.oid = ANY ('TABLES'::oid[])
        AND NOT r.rolsuper
    ORDER BY 1, 2, 3
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'to DO table % as superuser % would run function % of role %, which % calls',
            one.reads, CURRENT_USER, one.calls, one.owner, one.what
            USING HINT = 'Connect as the owner of the database (pg_user), who gives nobody more than that role has; or, once '
                'you have read that function, take it over: ALTER FUNCTION ' || one.calls || ' OWNER TO CURRENT_USER';
    END IF;
END
$pgmigrate$$check$ AS check_tables \gset
SELECT
    pg_catalog.replace(pg_catalog.replace(:'check_tables', 'WRITES', 'false'), 'to DO', 'to read') AS reading_check,
    pg_catalog.replace(pg_catalog.replace(:'check_tables', 'WRITES', 'true'), 'to DO', 'to write to') AS writing_check \gset
SELECT $check$DO $pgmigrate$
DECLARE
    one record;
BEGIN
    SELECT c.oid::pg_catalog.regclass::text AS reads
    INTO one
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
    WHERE c.oid = ANY ('TABLES'::oid[])
        AND NOT r.rolsuper
        AND NOT pg_catalog.pg_is_in_recovery()
        AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_locks AS l
            WHERE l.pid = pg_catalog.pg_backend_pid()
                AND l.relation = c.oid
                AND l.mode = 'ShareUpdateExclusiveLock'
        )
    ORDER BY 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table % was made only just now: run again', one.reads;
    END IF;
END
$pgmigrate$$check$ AS reading_locked \gset
\endif
