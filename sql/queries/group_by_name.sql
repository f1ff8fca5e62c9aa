-- purpose: find the group of a project by its name, as the upsert of groups does
-- parameters: the last group, by its name, of the project with the most groups

SELECT
    g.project_id,
    g.name
FROM project_equipment_groups AS g
JOIN (
    SELECT o.project_id
    FROM project_equipment_groups AS o
    GROUP BY o.project_id
    ORDER BY count(*) DESC, o.project_id
    LIMIT 1
) AS m ON m.project_id = g.project_id
ORDER BY g.name DESC
LIMIT 1;

SELECT
    g.id,
    g.sort_order
FROM project_equipment_groups AS g
WHERE g.project_id = $1
    AND g.name = $2;
