-- purpose: show the totals of all projects
-- requires: view project_group_totals

SELECT t.project_id, t.group_count, t.total_price
FROM project_group_totals AS t
ORDER BY t.project_id;
