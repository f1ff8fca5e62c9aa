-- In a copy: moves one table, with its indexes and the sequences that it owns, into a schema of its own.
-- Variables: table_schema, table_name, side.
CREATE SCHEMA :"side";
ALTER TABLE :"table_schema".:"table_name" SET SCHEMA :"side";
