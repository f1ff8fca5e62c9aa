-- purpose: read the groups of a project with a statement that was prepared before the migrations
-- session: held

SELECT *
FROM project_equipment_groups AS g
WHERE g.project_id = (SELECT p.id FROM projects AS p ORDER BY p.id LIMIT 1);
