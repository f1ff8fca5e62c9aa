-- Sets kept_lines: the lines that a row c of pgmigrate.catalogs stands for, which has since version 10 what steps changed
-- beside the lines before them.
\set kept_lines 'CASE WHEN c.removed = ''{}'' AND c.added = ''{}'' THEN c.lines ELSE ARRAY(SELECT k.line FROM (SELECT pg_catalog.unnest(c.lines) AS line EXCEPT SELECT pg_catalog.unnest(c.removed) UNION SELECT pg_catalog.unnest(c.added)) AS k ORDER BY k.line COLLATE "C") END'
