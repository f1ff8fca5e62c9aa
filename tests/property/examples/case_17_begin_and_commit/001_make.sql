-- purpose: make
-- phase: schema

BEGIN;
CREATE TABLE a (id integer);
INSERT INTO a VALUES (1);
COMMIT;
