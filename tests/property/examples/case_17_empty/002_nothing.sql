-- purpose: nothing
-- phase: schema

