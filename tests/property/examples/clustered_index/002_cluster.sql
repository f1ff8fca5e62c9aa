-- purpose: cluster
-- phase: schema

ALTER TABLE a CLUSTER ON a_i;
