-- purpose: show the days of a project in order, with the roles booked for each
-- parameters: the project with the most bookings

SELECT b.project_id
FROM project_event_roles AS b
GROUP BY b.project_id
ORDER BY count(*) DESC, b.project_id
LIMIT 1;

SELECT
    e.date,
    e.name,
    e.event_type_id,
    b.role_id,
    b.crew_member_id
FROM project_events AS e
LEFT JOIN project_event_roles AS b ON b.event_id = e.id
WHERE e.project_id = $1
ORDER BY e.date, e.name, b.role_id;
