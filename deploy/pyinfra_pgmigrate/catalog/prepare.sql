-- Runs a text that is made of catalog.sql, without what is rare where there is nothing of it. Variables: has_rare (see
-- rare.sql), scope, catalog_text.
SELECT pg_catalog.string_agg(
    CASE
        WHEN p.place = 1 OR :'has_rare'::boolean THEN p.part
        ELSE pg_catalog.split_part(p.part, '-- :common', 2)
    END,
    '' ORDER BY p.place
)
-- The scope stands in it as psql has it, which does not look into a text for variables.
FROM pg_catalog.unnest(pg_catalog.string_to_array(
    pg_catalog.replace(:'catalog_text', ':''scope''', pg_catalog.quote_literal(:'scope')), '-- :rare'
)) WITH ORDINALITY AS p (part, place)
\gexec
