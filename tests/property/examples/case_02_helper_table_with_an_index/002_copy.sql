-- purpose: copy
-- phase: schema

CREATE TABLE helper (id integer);
INSERT INTO helper VALUES (7), (8);
CREATE INDEX CONCURRENTLY helper_id ON helper (id);
INSERT INTO a SELECT id FROM helper;
DROP TABLE helper;
ALTER TABLE a ADD COLUMN note text DEFAULT 'x';
