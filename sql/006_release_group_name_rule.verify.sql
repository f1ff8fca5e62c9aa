-- Any unique rule over the name that does not look at the variant is the old rule.
SELECT
    'index ' || i.indexrelid::regclass AS object,
    'still allows one group name a project: ' || pg_get_indexdef(i.indexrelid) AS problem
FROM pg_index AS i
WHERE i.indrelid = 'project_equipment_groups'::regclass
    AND i.indisunique
    AND pg_get_indexdef(i.indexrelid) ~ '\mname\M'
    AND NOT EXISTS (
        SELECT 1
        FROM pg_attribute AS a
        WHERE a.attrelid = i.indrelid
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
            AND a.attname IN ('variant_name', 'id')
    );
