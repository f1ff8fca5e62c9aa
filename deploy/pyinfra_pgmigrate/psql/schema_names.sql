-- How names are written that lines leave the target schema out of. Variables: schema. Settings: schema_path (what
-- search_path is for statements of migrations), bare and full (regexp_replace(name, bare, full) gives a name its
-- schema where it has none), in_schema (regexp_replace(name, in_schema, '') takes it away); in_schema is a variable, too.
SELECT
    pg_catalog.set_config('pgmigrate.schema_path', s.ident || ', pg_temp', false),
    pg_catalog.set_config('pgmigrate.bare', '^("(?:[^"]|"")*"|[^".]+)$', false),
    pg_catalog.set_config('pgmigrate.full', pg_catalog.replace(s.ident, E'\\', E'\\\\') || E'.\\1', false),
    pg_catalog.set_config('pgmigrate.in_schema', s.pattern, false)
FROM (
    SELECT
        pg_catalog.quote_ident(:'schema') AS ident,
        '^' || pg_catalog.regexp_replace(pg_catalog.quote_ident(:'schema'), '([^[:alnum:]_])', E'\\\\\\1', 'g') || E'\\.'
            AS pattern
) AS s;
SELECT pg_catalog.current_setting('pgmigrate.in_schema') AS in_schema \gset
