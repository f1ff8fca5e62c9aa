-- purpose: delete a project with all that belongs to it

DELETE FROM projects AS p
WHERE p.id = (SELECT g.project_id FROM project_equipment_groups AS g ORDER BY g.id LIMIT 1);
