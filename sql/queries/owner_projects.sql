-- purpose: list the projects of an owner with what their bookings cost by today's rates
-- parameters: the owner with the most projects
-- requires: function calculate_role_cost(hourly_category, numeric, numeric, numeric, numeric),
--     column project_roles.hourly_rate, column project_event_roles.hourly_category,
--     column project_event_roles.hours_worked, column event_types.rate_multiplier

SELECT p.owner_id
FROM projects AS p
GROUP BY p.owner_id
ORDER BY count(*) DESC, p.owner_id
LIMIT 1;

SELECT
    p.id,
    p.name,
    c.cost
FROM projects AS p
LEFT JOIN LATERAL (
    SELECT sum(calculate_role_cost(b.hourly_category, r.daily_rate, r.hourly_rate, b.hours_worked, t.rate_multiplier))
        AS cost
    FROM project_event_roles AS b
    JOIN project_roles AS r ON r.project_id = b.project_id AND r.role_id = b.role_id
    JOIN project_events AS e ON e.id = b.event_id
    JOIN event_types AS t ON t.id = e.event_type_id
    WHERE b.project_id = p.id
) AS c ON true
WHERE p.owner_id = $1
ORDER BY p.name, p.id;
