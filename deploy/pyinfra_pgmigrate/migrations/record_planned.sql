-- For psycopg: what is prepared is planned once, for all values, and by index: where it is planned there is little in the
-- catalogs as yet, and they grow with each migration.
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
