-- purpose: more
-- phase: schema

ALTER TABLE a ADD COLUMN n integer;
