-- purpose: show the groups and prices of one variant of a project
-- since: 001
-- parameters: the variant with the most groups

SELECT
    g.project_id,
    g.variant_name
FROM project_equipment_groups AS g
GROUP BY g.project_id, g.variant_name
ORDER BY count(*) DESC, g.project_id, g.variant_name
LIMIT 1;

SELECT
    g.name,
    g.sort_order,
    g.total_price
FROM project_equipment_groups AS g
WHERE g.project_id = $1
    AND g.variant_name = $2
ORDER BY g.sort_order, g.name;
