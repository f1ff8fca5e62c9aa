-- purpose: make
-- phase: schema

CREATE TABLE note (id integer);
