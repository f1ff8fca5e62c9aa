-- purpose: take project variants back, from whatever part of them is there
-- reverts: 001-006

-- No statement cascades: what others built on these objects is refused, not dropped. The indexes on
-- the columns go with them; the rule that 006 removed comes back from the registry.
DROP TABLE IF EXISTS project_variants;

DROP FUNCTION IF EXISTS project_variants_set_updated_at();

ALTER TABLE project_equipment_groups
DROP COLUMN IF EXISTS variant_name;

ALTER TABLE project_roles
DROP COLUMN IF EXISTS variant_name;
