-- purpose: make
-- phase: schema

CREATE TYPE k AS ENUM ('x', 'y', 'z');
CREATE TABLE a (id integer, c k DEFAULT 'x');
INSERT INTO a VALUES (1, 'y');
