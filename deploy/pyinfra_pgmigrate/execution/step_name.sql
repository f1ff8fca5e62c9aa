-- Tells in pg_stat_activity which run is at which migration. Variables: application_name.
SET application_name = :'application_name';
