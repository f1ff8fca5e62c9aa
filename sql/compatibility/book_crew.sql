-- purpose: book a role for a new day

INSERT INTO project_events (project_id, date, name, event_type_id)
SELECT r.project_id, current_date, 'Compatibility', e.event_type_id
FROM project_roles AS r
CROSS JOIN project_events AS e
ORDER BY r.id, e.id
LIMIT 1;

INSERT INTO project_event_roles (project_id, event_id, role_id)
SELECT e.project_id, e.id, r.role_id
FROM project_events AS e
JOIN project_roles AS r ON r.project_id = e.project_id
WHERE e.name = 'Compatibility'
ORDER BY r.id
LIMIT 1;
