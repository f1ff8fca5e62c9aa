-- purpose: make
-- phase: schema

CREATE TABLE a (id integer);
