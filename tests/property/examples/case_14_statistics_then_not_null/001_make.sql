-- purpose: make
-- phase: schema

CREATE TABLE a (id integer, c text) WITH (fillfactor = 70);
