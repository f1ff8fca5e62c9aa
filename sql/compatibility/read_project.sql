-- purpose: show a project with its groups, equipment and roles

SELECT g.id, g.name, g.sort_order, g.total_price, e.name, x.quantity
FROM project_equipment_groups AS g
LEFT JOIN project_equipment AS x ON x.group_id = g.id
LEFT JOIN equipment AS e ON e.id = x.equipment_id
WHERE g.project_id = (SELECT p.id FROM projects AS p ORDER BY p.id LIMIT 1)
ORDER BY g.sort_order, g.name;

SELECT r.id, c.name, r.daily_rate, r.hourly_rate, r.hourly_category
FROM project_roles AS r
JOIN crew_roles AS c ON c.id = r.role_id
WHERE r.project_id = (SELECT p.id FROM projects AS p ORDER BY p.id LIMIT 1)
ORDER BY c.name;
