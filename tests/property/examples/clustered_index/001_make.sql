-- purpose: make
-- phase: schema

CREATE TABLE a (id integer PRIMARY KEY);
CREATE INDEX a_i ON a ((id + 1));
