-- purpose: what the crew of each project costs by its rates
-- requires: function calculate_role_cost(hourly_category, numeric, numeric, numeric, numeric),
--     column project_event_roles.daily_rate, column project_event_roles.hourly_rate,
--     column project_event_roles.hourly_category, column project_event_roles.hours_worked,
--     column event_types.rate_multiplier

SELECT
    p.id AS key,
    COALESCE(
        sum(calculate_role_cost(r.hourly_category, r.daily_rate, r.hourly_rate, r.hours_worked, t.rate_multiplier)), 0
    ) AS value
FROM projects AS p
LEFT JOIN project_events AS e ON e.project_id = p.id
LEFT JOIN event_types AS t ON t.id = e.event_type_id
LEFT JOIN project_event_roles AS r ON r.event_id = e.id
GROUP BY p.id;
