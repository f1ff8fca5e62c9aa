-- purpose: data only
-- phase: schema

INSERT INTO a VALUES (3, 'x', 4);
