-- purpose: keep the variants of each project in a table of their own
-- phase: schema
-- repeatable: true

CREATE TABLE project_variants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    variant_name text NOT NULL,
    display_name text NOT NULL,
    description text,
    is_default boolean DEFAULT false,
    sort_order integer DEFAULT 0,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    CONSTRAINT unique_project_variant UNIQUE (project_id, variant_name),
    CONSTRAINT unique_default_per_project EXCLUDE (project_id WITH =) WHERE (is_default = true),
    CONSTRAINT valid_variant_name CHECK (variant_name ~ '^[a-z0-9_]+$')
);

CREATE INDEX idx_project_variants_project ON project_variants (project_id);

CREATE INDEX idx_project_variants_default ON project_variants (project_id, is_default);

-- A function of its own: what the application calls its own, and whether it has one, is no matter.
CREATE FUNCTION project_variants_set_updated_at()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := pg_catalog.now();
    RETURN NEW;
END;
$$;

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_variants
FOR EACH ROW EXECUTE FUNCTION project_variants_set_updated_at();

-- The subquery runs under the policies of projects: whoever sees a project sees its variants.
ALTER TABLE project_variants ENABLE ROW LEVEL SECURITY;

CREATE POLICY visible_project_all ON project_variants
USING (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_variants.project_id))
WITH CHECK (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_variants.project_id));

-- Owner and privileges are those of projects, whatever they are on this server.
DO $$
DECLARE
    project_owner name;
    privilege record;
BEGIN
    SELECT pg_get_userbyid(c.relowner)
    INTO project_owner
    FROM pg_class AS c
    WHERE c.oid = 'projects'::regclass;

    FOR privilege IN
        SELECT
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
            a.privilege_type,
            CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS grant_option
        FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE c.oid = 'projects'::regclass
            AND a.grantee <> c.relowner
        ORDER BY 1, 2
    LOOP
        EXECUTE format(
            'GRANT %s ON TABLE project_variants TO %s%s',
            privilege.privilege_type, privilege.grantee, privilege.grant_option
        );
    END LOOP;

    IF project_owner <> (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = 'project_variants'::regclass) THEN
        EXECUTE format('ALTER TABLE project_variants OWNER TO %I', project_owner);
    END IF;

    IF project_owner <> (
        SELECT pg_get_userbyid(f.proowner)
        FROM pg_proc AS f
        WHERE f.oid = 'project_variants_set_updated_at()'::regprocedure
    ) THEN
        EXECUTE format('ALTER FUNCTION project_variants_set_updated_at() OWNER TO %I', project_owner);
    END IF;
END;
$$;
