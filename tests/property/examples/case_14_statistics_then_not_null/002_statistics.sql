-- purpose: statistics
-- phase: schema

ALTER TABLE a ALTER COLUMN c SET STATISTICS 500;
