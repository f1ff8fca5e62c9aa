-- purpose: give equipment groups and roles a variant
-- phase: schema

-- A constant default is stored in the catalog: no row is touched, the lock is held for milliseconds.
ALTER TABLE project_equipment_groups
ADD COLUMN variant_name text NOT NULL DEFAULT 'default';

ALTER TABLE project_roles
ADD COLUMN variant_name text NOT NULL DEFAULT 'default';

-- The old rule (one group name a project) stays until 006; this one stands beside it before it goes.
CREATE UNIQUE INDEX CONCURRENTLY idx_project_equipment_groups_project_variant
ON project_equipment_groups (project_id, name, variant_name);

CREATE INDEX CONCURRENTLY idx_project_equipment_groups_variant
ON project_equipment_groups (project_id, variant_name);

CREATE INDEX CONCURRENTLY idx_project_roles_variant
ON project_roles (project_id, variant_name);
