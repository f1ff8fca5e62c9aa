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
    g.pieces,
    g.total_price,
    r.roles,
    r.daily_rates
FROM projects AS p
JOIN project_variants AS v ON v.project_id = p.id
CROSS JOIN LATERAL (
    SELECT
        count(DISTINCT o.id) AS groups,
        sum(x.quantity) AS pieces,
        sum(x.quantity * e.rental_price) AS total_price
    FROM project_equipment_groups AS o
    LEFT JOIN project_equipment AS x ON x.group_id = o.id
    LEFT JOIN equipment AS e ON e.id = x.equipment_id
    WHERE o.project_id = v.project_id
        AND o.variant_name = v.variant_name
) AS g
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
