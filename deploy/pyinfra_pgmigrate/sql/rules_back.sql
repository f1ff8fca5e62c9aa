-- Brings indexes and constraints back that the script did not, each of its own kind and under its own name.
-- Variables: rules (JSON: [[kind, table, name, definition], ...]).
SELECT CASE r.value ->> 0
    WHEN 'index' THEN r.value ->> 3
    ELSE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %s %s', r.value ->> 1, r.value ->> 2, r.value ->> 3)
END
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
WHERE CASE r.value ->> 0
    WHEN 'index' THEN pg_catalog.to_regclass(r.value ->> 2) IS NULL
    ELSE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = pg_catalog.to_regclass(r.value ->> 1)
            AND pg_catalog.quote_ident(c.conname) = r.value ->> 2
    )
END
\gexec
