SELECT
    'project_equipment_groups ' || g.id AS object,
    'variant_name is empty' AS problem
FROM project_equipment_groups AS g
WHERE g.variant_name IS NULL
    OR g.variant_name = ''

UNION ALL
SELECT
    'project_roles ' || r.id,
    'variant_name is empty'
FROM project_roles AS r
WHERE r.variant_name IS NULL
    OR r.variant_name = ''

UNION ALL
SELECT
    'project_equipment_groups ' || g.id,
    'its project ' || g.project_id || ' does not exist'
FROM project_equipment_groups AS g
WHERE NOT EXISTS (
    SELECT 1
    FROM projects AS p
    WHERE p.id = g.project_id
)

UNION ALL
SELECT
    'project_roles ' || r.id,
    'its project ' || r.project_id || ' does not exist'
FROM project_roles AS r
WHERE NOT EXISTS (
    SELECT 1
    FROM projects AS p
    WHERE p.id = r.project_id
)

UNION ALL
SELECT
    'project ' || p.id,
    'artist project with ' || count(v.id) || ' default variants instead of 1'
FROM projects AS p
JOIN project_types AS t ON t.id = p.project_type_id
LEFT JOIN project_variants AS v ON v.project_id = p.id AND v.is_default
WHERE t.code = 'artist'
GROUP BY p.id
HAVING count(v.id) <> 1;
