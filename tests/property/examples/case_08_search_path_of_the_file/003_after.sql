-- purpose: after
-- phase: schema

CREATE TABLE b (id integer);
