-- purpose: make
-- phase: schema

CREATE SCHEMA side;
CREATE TABLE a (id integer);
