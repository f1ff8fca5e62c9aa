-- The newest relation when a transaction begins: those with a higher oid are made by it, or by others meanwhile.
SELECT COALESCE(max(c.oid), 0::oid) AS newest FROM pg_catalog.pg_class AS c \gset
