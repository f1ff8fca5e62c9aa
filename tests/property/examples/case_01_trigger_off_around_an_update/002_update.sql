-- purpose: update
-- phase: schema

ALTER TABLE a DISABLE TRIGGER t;
UPDATE a SET n = 'done';
ALTER TABLE a ENABLE TRIGGER t;
