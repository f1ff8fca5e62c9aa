-- purpose: more
-- phase: schema

ALTER TABLE a ADD COLUMN m integer;
