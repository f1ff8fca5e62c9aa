-- purpose: show that no group, role or project was left behind
-- phase: validation

-- Nothing is changed here: the checks are the verify query beside this file.
