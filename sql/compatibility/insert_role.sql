-- purpose: give a project a role that it has not, without a word about variants

INSERT INTO project_roles (project_id, role_id, daily_rate, hourly_rate, hourly_category)
SELECT p.id, r.id, 500, 60, 'flat'
FROM projects AS p
CROSS JOIN crew_roles AS r
WHERE NOT EXISTS (
        SELECT 1
        FROM project_roles AS o
        WHERE o.project_id = p.id
            AND o.role_id = r.id
    )
LIMIT 1;
