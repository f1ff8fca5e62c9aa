-- purpose: copy
-- phase: schema

CREATE TABLE helper (id integer);
INSERT INTO helper VALUES (7);
INSERT INTO a SELECT id FROM helper;
DROP TABLE helper;
