-- purpose: add a group without a word about variants

INSERT INTO project_equipment_groups (project_id, name, sort_order)
SELECT p.id, 'Compatibility ' || gen_random_uuid(), 1
FROM projects AS p
LIMIT 1;
