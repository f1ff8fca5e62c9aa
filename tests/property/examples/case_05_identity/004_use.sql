-- purpose: use
-- phase: schema

INSERT INTO a (id) VALUES (7);
INSERT INTO b DEFAULT VALUES;
