-- Looks for what the structure cannot do, or not yet: one finding is a check, an object, what was found and
-- what was expected. Changes nothing. Variables: added_tables (JSON: tables that migrations made),
-- added_columns (JSON: [[table, column, migration], ...]), built (JSON: [[table, time], ...], tables that got
-- an index, and when), schema. Names are those of the target schema: the statement is read with pg_catalog alone in
-- search_path, and fetched with the schema in it.
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL lock_timeout = '10s';
DECLARE pgmigrate_warnings NO SCROLL CURSOR FOR
WITH finding (name, object, found, expected) AS (
    SELECT
        'valid indexes',
        'index ' || i.indexrelid::regclass,
        'INVALID: no query uses it, every writer pays for it',
        'a valid index'
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE NOT (i.indisvalid AND i.indisready)
        AND n.nspname !~ '^pg_'
        AND c.relkind = 'i'

    UNION ALL
    SELECT
        'validated constraints',
        'constraint ' || k.conrelid::regclass || '.' || pg_catalog.quote_ident(k.conname),
        'NOT VALID: rows from before it may break it',
        'a validated constraint'
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
    WHERE NOT k.convalidated
        AND k.conrelid <> 0
        AND n.nspname !~ '^pg_'

    UNION ALL
    SELECT
        'unique rules',
        'index ' || i.indexrelid::regclass,
        'does not look at ' || a.attname || ', added by ' || (c.value ->> 2),
        'to know that two rows which differ in ' || a.attname || ' alone cannot be'
    FROM pg_catalog.jsonb_array_elements(:'added_columns'::jsonb) AS c
    JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = pg_catalog.to_regclass(c.value ->> 0) AND pg_catalog.quote_ident(a.attname) = c.value ->> 1
    JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid
    WHERE i.indisunique
        AND NOT i.indisprimary
        AND a.attnum <> ALL (i.indkey::int2[])
        -- Only a column that rules or look-ups are about.
        AND EXISTS (
            SELECT 1
            FROM pg_catalog.pg_index AS o
            WHERE o.indrelid = a.attrelid
                AND a.attnum = ANY ((o.indkey::int2[])[0:o.indnkeyatts - 1])
        )

    UNION ALL
    SELECT DISTINCT
        'readers',
        'role ' || pg_catalog.quote_ident(r.rolname),
        CASE
            WHEN pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT')
                THEN 'may read ' || k.confrelid::regclass || ', but no policy lets it see rows of ' || t.oid::regclass
            ELSE 'may read ' || k.confrelid::regclass || ', but not ' || t.oid::regclass
        END,
        CASE
            WHEN pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT')
                THEN 'CREATE POLICY ... ON ' || t.oid::regclass || ' FOR SELECT TO ' || pg_catalog.quote_ident(r.rolname)
            ELSE 'GRANT SELECT ON ' || t.oid::regclass || ' TO ' || pg_catalog.quote_ident(r.rolname)
        END
    FROM pg_catalog.jsonb_array_elements_text(:'added_tables'::jsonb) AS n (name)
    JOIN pg_catalog.pg_class AS t ON t.oid = pg_catalog.to_regclass(n.name)
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'f' AND k.confrelid <> t.oid
    JOIN pg_catalog.pg_roles AS r
        ON pg_catalog.has_table_privilege(r.oid, k.confrelid, 'SELECT') AND NOT r.rolsuper AND r.rolname !~ '^pg_'
    WHERE NOT pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT')
        OR (
            t.relrowsecurity
            AND NOT r.rolbypassrls
            AND NOT pg_catalog.pg_has_role(r.oid, t.relowner, 'USAGE')
            AND NOT EXISTS (
                SELECT 1
                FROM pg_catalog.pg_policy AS p
                CROSS JOIN LATERAL pg_catalog.unnest(p.polroles) AS o (role)
                WHERE p.polrelid = t.oid
                    AND p.polpermissive
                    AND p.polcmd IN ('r', '*')
                    AND CASE o.role WHEN 0 THEN true ELSE pg_catalog.pg_has_role(r.oid, o.role, 'USAGE') END
            )
        )

    UNION ALL
    SELECT
        'statistics',
        'table ' || c.oid::regclass,
        'not analyzed since it got an index: '
            || COALESCE(pg_catalog.to_char(s.last AT TIME ZONE 'UTC', '"last" YYYY-MM-DD HH24:MI'), 'never'),
        'ANALYZE ' || c.oid::regclass
    FROM pg_catalog.jsonb_array_elements(:'built'::jsonb) AS b
    JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(b.value ->> 0)
    CROSS JOIN LATERAL (
        SELECT GREATEST(u.last_analyze, u.last_autoanalyze) AS last
        FROM pg_catalog.pg_stat_user_tables AS u
        WHERE u.relid = c.oid
    ) AS s
    WHERE s.last IS NULL
        OR s.last < (b.value ->> 1)::timestamptz
)
SELECT COALESCE(
    pg_catalog.json_agg(pg_catalog.json_build_array(f.name, f.object, f.found, f.expected) ORDER BY f.name, f.object),
    '[]'::json
)::text AS payload
FROM finding AS f;
SET LOCAL search_path = :"schema", pg_temp;
FETCH pgmigrate_warnings \gset
ROLLBACK;
EXECUTE pgmigrate_encode(:'payload') \gset
\echo ##pgmigrate warnings :payload
