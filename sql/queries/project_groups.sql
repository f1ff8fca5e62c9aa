-- purpose: show the groups of a project with the equipment in them
-- parameters: the project with the most groups

SELECT g.project_id
FROM project_equipment_groups AS g
GROUP BY g.project_id
ORDER BY count(*) DESC, g.project_id
LIMIT 1;

SELECT
    g.id,
    g.name,
    g.sort_order,
    g.total_price,
    x.equipment_id,
    x.quantity
FROM project_equipment_groups AS g
LEFT JOIN project_equipment AS x ON x.group_id = g.id
WHERE g.project_id = $1
ORDER BY g.sort_order, g.name, x.equipment_id;
