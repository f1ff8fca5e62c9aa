-- Puts a damaged registry aside under another name, with all that is in it; the next file makes a new one.
SELECT pg_catalog.format(
    'ALTER SCHEMA pgmigrate RENAME TO %I',
    'pgmigrate_damaged_' || pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS')
)
WHERE pg_catalog.to_regnamespace('pgmigrate') IS NOT NULL
\gexec
