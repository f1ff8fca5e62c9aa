-- purpose: path
-- phase: schema

SET LOCAL search_path = side;
CREATE TABLE b (id integer);
ALTER TABLE c ADD COLUMN n text;
