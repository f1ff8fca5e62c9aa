-- For psycopg: the statements that remove what keeps this database from being dropped. Nothing is done on the other
-- server of a subscription: its slot there, if it has one, is not ours alone.
SELECT s.text
FROM (
    SELECT
        pg_catalog.format(x.form, u.subname) AS text,
        u.subname::text || x.place AS place
    FROM pg_catalog.pg_subscription AS u
    CROSS JOIN (
        VALUES
            (1, 'ALTER SUBSCRIPTION %I DISABLE'),
            (2, 'ALTER SUBSCRIPTION %I SET (slot_name = NONE)'),
            (3, 'DROP SUBSCRIPTION %I')
    ) AS x (place, form)
    WHERE u.subdbid = (
        SELECT d.oid
        FROM pg_catalog.pg_database AS d
        WHERE d.datname = pg_catalog.current_database()
    )

    UNION ALL
    SELECT
        pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(%L)', r.slot_name),
        r.slot_name
    FROM pg_catalog.pg_replication_slots AS r
    WHERE r.database = pg_catalog.current_database()
) AS s
ORDER BY s.place;
