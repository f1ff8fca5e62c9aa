-- purpose: show the roles of a project with their names and who is preferred for them
-- parameters: the project with the most roles

SELECT r.project_id
FROM project_roles AS r
GROUP BY r.project_id
ORDER BY count(*) DESC, r.project_id
LIMIT 1;

SELECT
    r.id,
    c.name,
    r.daily_rate,
    r.hourly_rate,
    r.hourly_category,
    m.name AS preferred
FROM project_roles AS r
JOIN crew_roles AS c ON c.id = r.role_id
LEFT JOIN crew_members AS m ON m.id = r.preferred_id
WHERE r.project_id = $1
ORDER BY c.name;
