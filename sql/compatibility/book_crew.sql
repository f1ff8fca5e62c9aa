-- purpose: book a role for a new day; its cost comes from the rates of the project

INSERT INTO project_events (project_id, date, name, event_type_id)
SELECT r.project_id, current_date, 'Compatibility', t.id
FROM project_roles AS r
CROSS JOIN event_types AS t
ORDER BY r.id, t.id
LIMIT 1;

INSERT INTO project_event_roles (project_id, event_id, role_id, hourly_category, hours_worked)
SELECT e.project_id, e.id, r.role_id, r.hourly_category, 8
FROM project_events AS e
JOIN project_roles AS r ON r.project_id = e.project_id
WHERE e.name = 'Compatibility'
ORDER BY r.id
LIMIT 1;
