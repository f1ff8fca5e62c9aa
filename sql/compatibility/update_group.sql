-- purpose: rename a group, move it, and read it back as the form does

UPDATE project_equipment_groups AS g
SET
    name = g.name || ' (renamed)',
    sort_order = g.sort_order + 1
WHERE g.id = (SELECT o.id FROM project_equipment_groups AS o ORDER BY o.id LIMIT 1)
RETURNING g.id, g.name;
