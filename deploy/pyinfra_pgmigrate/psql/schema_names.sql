-- How names are written that lines leave the target schema out of. Variables: schema, further (JSON: names of schemas).
-- Settings: schema_path (what search_path is where lines are written), statement_path (what it is for statements of the
-- operator), bare and full (regexp_replace(name, bare, full) gives a name its
-- schema where it has none), in_schema (regexp_replace(name, in_schema, '') takes it away); in_schema is a variable, too.
SELECT
    pg_catalog.set_config('pgmigrate.schema_path', s.ident || ', pg_temp', false),
    pg_catalog.set_config('pgmigrate.statement_path', s.ident || s.further || ', pg_temp', false),
    pg_catalog.set_config('pgmigrate.bare', '^("(?:[^"]|"")*"|[^".]+)$', false),
    pg_catalog.set_config('pgmigrate.full', pg_catalog.replace(s.ident, E'\\', E'\\\\') || E'.\\1', false),
    pg_catalog.set_config('pgmigrate.in_schema', s.pattern, false)
FROM (
    SELECT
        pg_catalog.quote_ident(:'schema') AS ident,
        '^' || pg_catalog.regexp_replace(pg_catalog.quote_ident(:'schema'), '([^[:alnum:]_])', E'\\\\\\1', 'g') || E'\\.'
            AS pattern,
        COALESCE((
            SELECT pg_catalog.string_agg(', ' || pg_catalog.quote_ident(f.name), '' ORDER BY f.place)
            FROM pg_catalog.jsonb_array_elements_text(:'further'::jsonb) WITH ORDINALITY AS f (name, place)
        ), '') AS further
) AS s;
SELECT pg_catalog.current_setting('pgmigrate.in_schema') AS in_schema \gset
