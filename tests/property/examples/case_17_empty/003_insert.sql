-- purpose: insert
-- phase: schema

INSERT INTO a VALUES (1);
