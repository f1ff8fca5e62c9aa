-- An earlier try may have left the index INVALID: nobody can use it, and it is in the way. It goes,
-- unless somebody is building it right now. Variables: built (JSON: index names, with their
-- schema).
SELECT pg_catalog.format('DROP INDEX CONCURRENTLY %s', i.indexrelid::pg_catalog.regclass)
FROM pg_catalog.pg_index AS i
WHERE i.indexrelid IN (
        SELECT pg_catalog.to_regclass(b.name)
        FROM pg_catalog.jsonb_array_elements_text(:'built'::jsonb) AS b (name)
    )
    AND NOT i.indisvalid
    AND NOT EXISTS (
        SELECT 1
        FROM pg_catalog.pg_stat_progress_create_index AS p
        WHERE p.index_relid = i.indexrelid
    )
\gexec
