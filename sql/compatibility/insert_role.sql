-- purpose: give a project a role that it has not, without a word about variants

INSERT INTO project_roles (project_id, role_id, daily_rate)
SELECT p.id, k.role_id, 500
FROM projects AS p
CROSS JOIN (SELECT DISTINCT r.role_id FROM project_roles AS r) AS k
WHERE NOT EXISTS (
        SELECT 1
        FROM project_roles AS o
        WHERE o.project_id = p.id
            AND o.role_id = k.role_id
    )
LIMIT 1;
