-- The registry, version 9: several schemas of one database, each with migrations of its own. Variables: tool_version.
BEGIN;
ALTER TABLE pgmigrate.runs
ADD COLUMN schema_name text NOT NULL DEFAULT '';
ALTER TABLE pgmigrate.migrations
ADD COLUMN schema_name text NOT NULL DEFAULT '',
DROP CONSTRAINT migrations_pkey,
ADD PRIMARY KEY (schema_name, version);
ALTER TABLE pgmigrate.catalogs
ADD COLUMN schema_name text NOT NULL DEFAULT '',
DROP CONSTRAINT catalogs_pkey,
ADD PRIMARY KEY (schema_name, kind);
COMMENT ON COLUMN pgmigrate.runs.schema_name IS 'Schema that the run worked on, where the database has several with migrations of their own (pg_schemas); empty: the database. All that it did, kept and measured is of that schema.';
COMMENT ON COLUMN pgmigrate.migrations.schema_name IS 'Schema in which it holds, as in runs.';
COMMENT ON COLUMN pgmigrate.catalogs.schema_name IS 'Schema to which the lines are limited, as in runs.';

INSERT INTO pgmigrate.registry (version, tool_version)
VALUES (9, :'tool_version');
COMMIT;
