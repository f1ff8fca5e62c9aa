-- Keeps how to make again what others built on what is about to go, and drops it, the last first.
-- Leaves allowed: the lines that go with it. Variables: dependents (JSON: [[object, drop statement or empty, [statement, ...], [line, ...]], ...]), run_id.
INSERT INTO pgmigrate.dependents (run_id, object, statements, lines)
SELECT
    :'run_id',
    d.value ->> 0,
    ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.value -> 2)),
    ARRAY(SELECT pg_catalog.jsonb_array_elements_text(d.value -> 3))
FROM pg_catalog.jsonb_array_elements(:'dependents'::jsonb) WITH ORDINALITY AS d (value, place)
ORDER BY d.place;
SELECT COALESCE(pg_catalog.jsonb_agg(l.line), '[]')::text AS allowed
FROM pg_catalog.jsonb_array_elements(:'dependents'::jsonb) AS d
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(d.value -> 3) AS l (line) \gset
DECLARE pgmigrate_gone NO SCROLL CURSOR FOR
SELECT d.value ->> 1
FROM pg_catalog.jsonb_array_elements(:'dependents'::jsonb) WITH ORDINALITY AS d (value, place)
WHERE d.value ->> 1 <> ''
ORDER BY d.place DESC;
SET LOCAL search_path = :"schema", pg_temp;
FETCH ALL FROM pgmigrate_gone \gexec
CLOSE pgmigrate_gone;
SET LOCAL search_path = pg_catalog, pg_temp;
