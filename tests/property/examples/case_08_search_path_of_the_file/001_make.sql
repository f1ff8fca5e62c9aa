-- purpose: make
-- phase: schema

CREATE SCHEMA side;
CREATE TABLE side.c (id integer);
