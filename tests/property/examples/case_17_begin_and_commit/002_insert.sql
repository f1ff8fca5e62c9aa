-- purpose: insert
-- phase: schema

START TRANSACTION;
INSERT INTO a VALUES (2);
END;
