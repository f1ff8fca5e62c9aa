-- purpose: show a project with its groups, equipment and roles

SELECT g.id, g.name, g.sort_order, g.total_price, x.equipment_id, x.quantity
FROM project_equipment_groups AS g
LEFT JOIN project_equipment AS x ON x.group_id = g.id
WHERE g.project_id = (SELECT p.id FROM projects AS p ORDER BY p.id LIMIT 1)
ORDER BY g.sort_order, g.name;

SELECT r.id, r.role_id, r.daily_rate, r.preferred_id
FROM project_roles AS r
WHERE r.project_id = (SELECT p.id FROM projects AS p ORDER BY p.id LIMIT 1)
ORDER BY r.role_id;
