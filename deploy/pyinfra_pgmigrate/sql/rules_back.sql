-- Brings unique rules back, each of its own kind and under its own name. Variables: rules (JSON: [[kind,
-- table, name, definition], ...]).
SELECT CASE r.value ->> 0
    WHEN 'index' THEN r.value ->> 3
    ELSE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %s %s', r.value ->> 1, r.value ->> 2, r.value ->> 3)
END
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
\gexec
