-- purpose: show the roles of a project with their rates and who is preferred for them
-- parameters: the project with the most roles

SELECT r.project_id
FROM project_roles AS r
GROUP BY r.project_id
ORDER BY count(*) DESC, r.project_id
LIMIT 1;

SELECT
    r.id,
    r.role_id,
    r.daily_rate,
    r.preferred_id
FROM project_roles AS r
WHERE r.project_id = $1
ORDER BY r.role_id;
