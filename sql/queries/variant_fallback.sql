-- purpose: show the roles of a variant, or those of the default variant where a project has no such variant
-- since: 003
-- parameters: the project with a default variant that has the most roles, and a name that it has no variant of

SELECT
    v.project_id,
    v.variant_name || '_of_nobody' AS variant_name
FROM project_variants AS v
JOIN project_roles AS r ON r.project_id = v.project_id AND r.variant_name = v.variant_name
WHERE v.is_default
GROUP BY v.project_id, v.variant_name
ORDER BY count(*) DESC, v.project_id
LIMIT 1;

SELECT
    r.role_id,
    r.daily_rate,
    r.preferred_id
FROM (
    SELECT
        v.project_id,
        v.variant_name
    FROM project_variants AS v
    WHERE v.project_id = $1
        AND (v.variant_name = $2 OR v.is_default)
    ORDER BY v.variant_name = $2 DESC
    LIMIT 1
) AS v
JOIN project_roles AS r ON r.project_id = v.project_id AND r.variant_name = v.variant_name
ORDER BY r.role_id;
