-- purpose: rows, which leave no trace in the catalog
-- phase: data

INSERT INTO visits (day) VALUES ('2026-01-01'), (NULL);
