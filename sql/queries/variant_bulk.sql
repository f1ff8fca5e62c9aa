-- purpose: read one variant of all projects of an owner, groups, equipment and roles, as work in bulk on it does
-- since: 003
-- parameters: the owner and the variant with the most projects

SELECT
    p.owner_id,
    v.variant_name
FROM projects AS p
JOIN project_variants AS v ON v.project_id = p.id
GROUP BY p.owner_id, v.variant_name
ORDER BY count(*) DESC, p.owner_id, v.variant_name
LIMIT 1;

SELECT
    v.project_id,
    g.groups,
    g.total_price,
    x.pieces,
    r.roles,
    r.daily_rates
FROM projects AS p
JOIN project_variants AS v ON v.project_id = p.id
CROSS JOIN LATERAL (
    SELECT
        count(*) AS groups,
        sum(o.total_price) AS total_price
    FROM project_equipment_groups AS o
    WHERE o.project_id = v.project_id
        AND o.variant_name = v.variant_name
) AS g
CROSS JOIN LATERAL (
    SELECT sum(e.quantity) AS pieces
    FROM project_equipment_groups AS o
    JOIN project_equipment AS e ON e.group_id = o.id
    WHERE o.project_id = v.project_id
        AND o.variant_name = v.variant_name
) AS x
CROSS JOIN LATERAL (
    SELECT
        count(*) AS roles,
        sum(o.daily_rate) AS daily_rates
    FROM project_roles AS o
    WHERE o.project_id = v.project_id
        AND o.variant_name = v.variant_name
) AS r
WHERE p.owner_id = $1
    AND v.variant_name = $2
ORDER BY v.project_id;
