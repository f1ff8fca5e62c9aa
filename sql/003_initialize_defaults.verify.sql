SELECT
    'project ' || p.id AS object,
    'artist project without a default variant' AS problem
FROM projects AS p
JOIN project_types AS t ON t.id = p.project_type_id
WHERE t.code = 'artist'
    AND NOT EXISTS (
        SELECT 1
        FROM project_variants AS v
        WHERE v.project_id = p.id
            AND v.is_default
    );
