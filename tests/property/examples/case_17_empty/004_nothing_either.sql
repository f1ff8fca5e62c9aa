-- purpose: nothing either
-- phase: schema

-- no statement
