-- purpose: make
-- phase: schema

CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL);
INSERT INTO a (n) VALUES (1), (2);
