-- Keeps the triggers of the application, not those of foreign keys, from firing on what the library does to
-- some tables: updated_at and prices stay what they are. Ended by triggers_on.sql in the same transaction.
-- The tables stand in the setting pgmigrate.relations (JSON: names).
SELECT pg_catalog.set_config('pgmigrate.triggers', '[]', true);
DO $$
DECLARE
    one record;
    again jsonb := '[]';
BEGIN
    FOR one IN
        SELECT
            c.oid::regclass AS relation,
            t.tgname,
            CASE t.tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END AS mode
        FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.relations')::jsonb) AS r (name)
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(r.name)
        JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid
        WHERE NOT t.tgisinternal
            AND t.tgenabled IN ('O', 'A')
            AND t.tgparentid = 0
        ORDER BY c.oid, t.tgname
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', one.relation, one.tgname);
        again := again || pg_catalog.to_jsonb(
            pg_catalog.format('ALTER TABLE %s ENABLE %sTRIGGER %I', one.relation, one.mode, one.tgname)
        );
    END LOOP;
    PERFORM pg_catalog.set_config('pgmigrate.triggers', again::text, true);
END;
$$;
