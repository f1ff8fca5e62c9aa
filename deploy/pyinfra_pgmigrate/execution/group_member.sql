-- What a step of a group did, as its effect says: that all of them did so is checked at their end. Variables: minus, plus
-- (JSON). Leaves removed and added (arrays).
SELECT
    ARRAY(SELECT m.line FROM pg_catalog.jsonb_array_elements_text(:'minus'::jsonb) AS m (line))::text AS removed,
    ARRAY(SELECT p.line FROM pg_catalog.jsonb_array_elements_text(:'plus'::jsonb) AS p (line))::text AS added \gset
