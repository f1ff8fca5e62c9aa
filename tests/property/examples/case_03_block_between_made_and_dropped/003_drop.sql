-- purpose: drop
-- phase: schema

DROP TABLE draft;
