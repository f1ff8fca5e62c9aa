-- purpose: let two variants of a project have a group of the same name
-- phase: contract
-- removes: index * CREATE UNIQUE INDEX * ON project_equipment_groups USING btree (project_id, name)*
--     or index * CREATE UNIQUE INDEX * ON project_equipment_groups USING btree (name, project_id)*
--     or constraint project_equipment_groups.* UNIQUE *(project_id, name)*
--     or constraint project_equipment_groups.* UNIQUE *(name, project_id)*

-- The rule is found by what it says, not by its name: an index on some databases of this application,
-- a constraint on others.
DO $$
DECLARE
    rule record;
BEGIN
    FOR rule IN
        SELECT
            i.indexrelid::regclass AS index_name,
            c.conname
        FROM pg_index AS i
        LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.contype = 'u' AND c.conrelid = i.indrelid
        WHERE i.indrelid = 'project_equipment_groups'::regclass
            AND i.indisunique
            AND i.indnkeyatts = 2
            AND (
                SELECT array_agg(a.attname::text ORDER BY a.attname)
                FROM pg_attribute AS a
                WHERE a.attrelid = i.indrelid
                    AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
            ) = ARRAY['name', 'project_id']
    LOOP
        IF rule.conname IS NOT NULL THEN
            EXECUTE format('ALTER TABLE project_equipment_groups DROP CONSTRAINT %I', rule.conname);
        ELSE
            EXECUTE format('DROP INDEX %s', rule.index_name);
        END IF;
    END LOOP;
END;
$$;
