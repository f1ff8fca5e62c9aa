-- Brings indexes and constraints back that the script did not, each of its own kind and under its own name;
-- one that was built before the cut-over is used. Variables: rules (JSON: [[kind, table, name, definition,
-- index, ending], ...]; the index is the one of that name, the ending what follows USING INDEX), schema.
-- Read with pg_catalog alone in search_path; names and definitions are as seen from the target schema.
DECLARE pgmigrate_unusable NO SCROLL CURSOR FOR
SELECT pg_catalog.format('DROP INDEX %s', i.indexrelid::regclass)
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
JOIN pg_catalog.pg_index AS i ON i.indexrelid = pg_catalog.to_regclass(r.value ->> 4)
WHERE NOT i.indisvalid;
DECLARE pgmigrate_back NO SCROLL CURSOR FOR
SELECT CASE
    WHEN r.value ->> 0 = 'index' THEN r.value ->> 3
    WHEN pg_catalog.to_regclass(r.value ->> 4) IS NOT NULL THEN pg_catalog.format(
        'ALTER TABLE %1$s ADD CONSTRAINT %2$s UNIQUE USING INDEX %2$s%3$s', r.value ->> 1, r.value ->> 2, r.value ->> 5
    )
    ELSE pg_catalog.format(
        'ALTER %s %s ADD CONSTRAINT %s %s',
        CASE
            WHEN pg_catalog.to_regclass(r.value ->> 1) IS NULL AND pg_catalog.to_regtype(r.value ->> 1) IS NOT NULL
                THEN 'DOMAIN'
            ELSE 'TABLE'
        END,
        r.value ->> 1, r.value ->> 2, r.value ->> 3
    )
END
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
WHERE CASE r.value ->> 0
    WHEN 'index' THEN pg_catalog.to_regclass(r.value ->> 2) IS NULL
    ELSE NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_constraint AS c
        WHERE (
                c.conrelid = pg_catalog.to_regclass(r.value ->> 1)
                OR pg_catalog.to_regclass(r.value ->> 1) IS NULL
                AND c.contypid = pg_catalog.to_regtype(r.value ->> 1)
            )
            AND pg_catalog.quote_ident(c.conname) = r.value ->> 2
    )
END;
SET LOCAL search_path = :"schema", pg_temp;
FETCH ALL FROM pgmigrate_unusable \gexec
FETCH ALL FROM pgmigrate_back \gexec
CLOSE pgmigrate_unusable;
CLOSE pgmigrate_back;
SET LOCAL search_path = pg_catalog, pg_temp;
