-- Rows that break unique rules which are to come back. Changes nothing. Variables: rules (JSON: [[table,
-- [column, ...]], ...]).
BEGIN TRANSACTION READ ONLY;
SET LOCAL lock_timeout = '10s';
\o
SELECT pg_catalog.format(
    'SELECT ''##pgmigrate conflicts '' || pg_catalog.translate(pg_catalog.encode(pg_catalog.convert_to('
    'pg_catalog.json_build_object(''table'', %L::text, ''columns'', %L::jsonb, ''count'', count(*), ''first'','
    ' COALESCE(pg_catalog.json_agg(q.key) FILTER (WHERE q.place <= 20), ''[]''::json))::text, ''UTF8''), ''base64''),'
    ' E''\n'', '''') FROM (SELECT pg_catalog.json_build_array(%s, count(*)) AS key, row_number() OVER () AS place'
    ' FROM %I GROUP BY %s HAVING count(*) > 1) AS q',
    r.value ->> 0, r.value -> 1, c.list, r.value ->> 0, c.list
)
FROM pg_catalog.jsonb_array_elements(:'rules'::jsonb) AS r
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n.value), ', ') AS list
    FROM pg_catalog.jsonb_array_elements_text(r.value -> 1) AS n
) AS c
\gexec
\o /dev/null
ROLLBACK;
