-- purpose: not null
-- phase: schema

ALTER TABLE a ALTER COLUMN c SET NOT NULL;
ALTER TABLE a RESET (fillfactor);
