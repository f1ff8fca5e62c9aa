-- purpose: insert
-- phase: schema

SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
INSERT INTO a SELECT 1 WHERE current_setting('transaction_isolation') = 'serializable';
