-- Keeps the triggers of the application, not those of foreign keys, from firing on what the library does to
-- some tables, nor its rules and policies from changing that: updated_at and prices stay what they are. Ended by
-- triggers_on.sql in the same transaction. The tables stand in the setting pgmigrate.relations (JSON: names).
SELECT pg_catalog.set_config('pgmigrate.triggers', '[]', true);
DO $$
DECLARE
    one record;
    again jsonb := '[]';
BEGIN
    FOR one IN
        WITH written AS (
            SELECT c.oid, c.relforcerowsecurity
            FROM pg_catalog.jsonb_array_elements_text(
                pg_catalog.current_setting('pgmigrate.relations')::jsonb
            ) AS r (name)
            JOIN LATERAL (
                SELECT pg_catalog.to_regclass(r.name)::oid AS relid

                UNION
                SELECT p.relid
                FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(r.name)) AS p
            ) AS t ON true
            JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
        )
        SELECT
            w.oid AS place,
            pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', w.oid::regclass, t.tgname) AS before,
            pg_catalog.format(
                'ALTER TABLE %s ENABLE %sTRIGGER %I',
                w.oid::regclass, CASE t.tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END, t.tgname
            ) AS after
        FROM written AS w
        JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = w.oid
        WHERE NOT t.tgisinternal
            AND t.tgenabled IN ('O', 'A')
            AND t.tgparentid = 0

        UNION
        SELECT
            w.oid,
            pg_catalog.format('ALTER TABLE %s DISABLE RULE %I', w.oid::regclass, u.rulename),
            pg_catalog.format(
                'ALTER TABLE %s ENABLE %sRULE %I',
                w.oid::regclass, CASE u.ev_enabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END, u.rulename
            )
        FROM written AS w
        JOIN pg_catalog.pg_rewrite AS u ON u.ev_class = w.oid
        WHERE u.ev_type <> '1'
            AND u.ev_enabled IN ('O', 'A')

        UNION
        SELECT
            w.oid,
            pg_catalog.format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', w.oid::regclass),
            pg_catalog.format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', w.oid::regclass)
        FROM written AS w
        WHERE w.relforcerowsecurity
        ORDER BY place, before
    LOOP
        EXECUTE one.before;
        again := again || pg_catalog.to_jsonb(one.after);
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.triggers', again::text, true);
END;
$$;
