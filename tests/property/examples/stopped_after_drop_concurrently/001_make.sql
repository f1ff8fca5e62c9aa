-- purpose: a table, and rows in it
-- phase: schema

CREATE TABLE note (
    id integer PRIMARY KEY,
    body text
);
INSERT INTO note (id) VALUES (1), (2);
