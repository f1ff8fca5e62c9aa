-- Ends what triggers_off.sql began. Checks of foreign keys that wait for the end of the transaction would
-- keep a table from being altered, so they are made first.
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_catalog.current_setting('pgmigrate.triggers') <> '[]' AS are_off \gset
\if :are_off
SELECT t.statement
FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('pgmigrate.triggers')::jsonb) AS t (statement)
\gexec
\endif
