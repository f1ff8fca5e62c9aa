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
    t.name AS event_type,
    c.name AS role,
    m.name AS crew_member,
    b.total_cost
FROM project_events AS e
JOIN event_types AS t ON t.id = e.event_type_id
LEFT JOIN project_event_roles AS b ON b.event_id = e.id
LEFT JOIN crew_roles AS c ON c.id = b.role_id
LEFT JOIN crew_members AS m ON m.id = b.crew_member_id
WHERE e.project_id = $1
ORDER BY e.date, e.name, c.name;
