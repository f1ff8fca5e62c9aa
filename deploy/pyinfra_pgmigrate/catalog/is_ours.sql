-- Within touched.sql: whether our transaction wrote a row after subtransaction $1, by its :xmin.
(
    -pg_catalog.age(:xmin) > $1
    AND CASE
        WHEN (SELECT m.id FROM me AS m) IS NULL THEN false
        WHEN pg_catalog.age(:xmin) < 0 THEN COALESCE(
            pg_catalog.pg_xact_status(((SELECT m.id FROM me AS m) - pg_catalog.age(:xmin))::text::pg_catalog.xid8) <> 'committed',
            false
        )
        ELSE true
    END
)
