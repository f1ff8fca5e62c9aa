-- purpose: add a group or update the one of that name
-- until: 006

INSERT INTO project_equipment_groups (project_id, name, sort_order)
SELECT g.project_id, g.name, g.sort_order + 1
FROM project_equipment_groups AS g
ORDER BY g.id
LIMIT 1
ON CONFLICT (project_id, name) DO UPDATE
SET sort_order = excluded.sort_order;
