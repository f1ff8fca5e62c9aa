-- The same application as in sql/baseline.sql, written by somebody else: the eight tables and the columns that the
-- strategy names, and else nothing in common. No rate functions, no hourly rates, a trigger function of another name,
-- the old rule as a constraint, price triggers, numeric project numbers besides the keys, and what a hosted platform
-- brings along. It is run as the role hosted_owner, which owns all of it; the roles hosted_anon, hosted_user and
-- hosted_service are those of the platform. Names of roles are replaced by the loader: roles are a server's.

CREATE SCHEMA billing;

CREATE TYPE project_state AS ENUM ('draft', 'it''s on', 'done');
CREATE DOMAIN amount AS numeric(12, 2) DEFAULT 0 CONSTRAINT amount_is_not_negative CHECK (VALUE >= 0);
COMMENT ON TYPE project_state IS 'What a project is at.';
COMMENT ON DOMAIN amount IS 'Money, in the currency of the house.';

CREATE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION touch_row() IS 'Every table has it; nothing else may set changed_at.';

CREATE TABLE people (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    login text NOT NULL,
    "Display Name" text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX "people, by login" ON people (lower(login));

CREATE TABLE customers (id uuid PRIMARY KEY, company text NOT NULL, vat_number text);

CREATE TABLE project_types (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL UNIQUE,
    name text NOT NULL
);

CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number integer GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 7),
    name varchar(120) NOT NULL,
    project_type_id uuid CONSTRAINT "is of a type" REFERENCES project_types (id) ON UPDATE CASCADE,
    customer_id uuid REFERENCES customers (id) ON DELETE SET NULL,
    owner_id uuid NOT NULL REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED,
    state project_state NOT NULL DEFAULT 'draft',
    budget amount,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT projects_number_key UNIQUE (number)
);
CREATE INDEX "my index" ON projects (owner_id, "number");
CREATE INDEX projects_open ON projects (state) WHERE state <> 'done';
COMMENT ON TABLE projects IS 'A project; people know it by its number.';
COMMENT ON COLUMN projects.number IS 'On every paper, never given twice.';
COMMENT ON CONSTRAINT projects_number_key ON projects IS 'The book-keepers insist.';

CREATE TABLE skills (id uuid PRIMARY KEY, title text NOT NULL);
CREATE TABLE articles (id uuid PRIMARY KEY, label text NOT NULL, day_price amount NOT NULL, weight real);

CREATE TABLE project_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    role_id uuid NOT NULL REFERENCES skills (id),
    daily_rate amount,
    preferred_id uuid REFERENCES people (id) ON DELETE SET NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_line_a_role UNIQUE (project_id, role_id)
);
ALTER TABLE project_roles ALTER COLUMN role_id SET STATISTICS 500;
CREATE STATISTICS "roles of projects" (dependencies, ndistinct) ON project_id, role_id FROM project_roles;

CREATE TABLE project_equipment_groups (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    sort_order smallint NOT NULL DEFAULT 0,
    total_price amount NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT "one name, please" UNIQUE (project_id, name)
)
WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE project_equipment_groups IS 'What goes into one truck.';

CREATE TABLE project_equipment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    equipment_id uuid NOT NULL REFERENCES articles (id) ON DELETE RESTRICT,
    quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    group_id uuid REFERENCES project_equipment_groups (id) ON DELETE SET NULL
);
CREATE INDEX ON project_equipment (group_id) INCLUDE (quantity);

CREATE TABLE project_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    date date NOT NULL,
    name text NOT NULL,
    event_type_id uuid,
    month integer GENERATED ALWAYS AS (CAST(EXTRACT(month FROM date) AS integer)) STORED
);
CREATE INDEX project_events_by_day ON project_events USING brin (date);

CREATE TABLE project_event_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES project_events (id) ON DELETE CASCADE,
    role_id uuid NOT NULL REFERENCES skills (id),
    crew_member_id uuid REFERENCES people (id),
    UNIQUE (event_id, role_id)
);

CREATE TABLE project_event_equipment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES project_events (id) ON DELETE CASCADE,
    equipment_id uuid NOT NULL REFERENCES articles (id),
    quantity integer NOT NULL DEFAULT 1,
    UNIQUE (event_id, equipment_id)
);

CREATE TABLE "Order Notes" (
    "Line No" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    project_number integer NOT NULL REFERENCES projects (number) ON DELETE CASCADE,
    "Text" text,
    "weird ""col""" jsonb NOT NULL DEFAULT '{}',
    CHECK ("Text" <> '')
);
CREATE INDEX "Order Notes, by project" ON "Order Notes" (project_number, "Line No" DESC);

CREATE TABLE activity (
    happened_on date NOT NULL,
    project_id uuid NOT NULL,
    what text NOT NULL,
    PRIMARY KEY (happened_on, project_id, what)
)
PARTITION BY RANGE (happened_on);
CREATE TABLE activity_2025 PARTITION OF activity FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE activity_2026 PARTITION OF activity FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') WITH (fillfactor = 90);
CREATE TABLE "activity, later" PARTITION OF activity DEFAULT;
CREATE INDEX activity_by_project ON activity (project_id);

CREATE TABLE billing.invoices (
    number integer PRIMARY KEY,
    project_number integer REFERENCES projects (number) ON DELETE SET NULL,
    total amount NOT NULL,
    lines text[] NOT NULL DEFAULT '{}'
);

-- Prices: of a line, of a group, of all of a project. Overloaded, as people do.
CREATE FUNCTION price(line project_equipment) RETURNS amount LANGUAGE sql STABLE AS $$
    SELECT (a.day_price * line.quantity)::amount FROM articles AS a WHERE a.id = line.equipment_id
$$;
CREATE FUNCTION price(of_group uuid) RETURNS amount LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(price(e)), 0)::amount FROM project_equipment AS e WHERE e.group_id = of_group
$$;
CREATE FUNCTION price(project_number integer, discount numeric DEFAULT 0) RETURNS amount LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(g.total_price), 0) * (1 - discount))::amount
    FROM projects AS p
    JOIN project_equipment_groups AS g ON g.project_id = p.id
    WHERE p.number = project_number
$$;
COMMENT ON FUNCTION price(uuid) IS 'Of a group.';

CREATE FUNCTION keep_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE project_equipment_groups SET total_price = price(id) WHERE id = OLD.group_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE project_equipment_groups SET total_price = price(id) WHERE id = NEW.group_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER "keep the price" AFTER INSERT OR UPDATE OR DELETE ON project_equipment
FOR EACH ROW EXECUTE FUNCTION keep_price();
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON projects FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON project_roles FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE OF name, sort_order ON project_equipment_groups
FOR EACH ROW EXECUTE FUNCTION touch_row();
COMMENT ON TRIGGER "keep the price" ON project_equipment IS 'The only one who writes total_price.';

-- Views on projects and groups.
CREATE VIEW project_overview AS
SELECT p.*, t.code, (SELECT count(*) FROM project_equipment_groups AS g WHERE g.project_id = p.id) AS groups
FROM projects AS p
LEFT JOIN project_types AS t ON t.id = p.project_type_id;
CREATE VIEW "Groups with Price" WITH (security_barrier) AS
SELECT * FROM project_equipment_groups WHERE total_price > 0;
CREATE VIEW billing.open_projects WITH (security_invoker = true) AS
SELECT o.number, o.name, price(o.number) AS total FROM project_overview AS o WHERE o.state = 'it''s on';
CREATE MATERIALIZED VIEW prices_by_project AS
SELECT p.id, p.number, sum(g.total_price)::numeric(14, 2) AS total, count(g.id) AS groups
FROM projects AS p
LEFT JOIN project_equipment_groups AS g ON g.project_id = p.id
GROUP BY p.id;
CREATE UNIQUE INDEX prices_by_project_id ON prices_by_project (id);
COMMENT ON VIEW project_overview IS 'For the start page.';

-- Who may see what, as a hosted platform has it: three roles, policies with names in words.
CREATE FUNCTION may_see(project uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT EXISTS (
        SELECT 1
        FROM projects AS p
        JOIN people AS o ON o.id = p.owner_id
        WHERE p.id = project
            AND o.login = current_setting('request.login', true)
    )
$$;
CREATE FUNCTION may_see(project_number integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT may_see(p.id) FROM projects AS p WHERE p.number = project_number
$$;

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may see" ON projects FOR SELECT TO hosted_user, hosted_anon USING (may_see(id));
CREATE POLICY "may change, when it's theirs" ON projects FOR UPDATE TO hosted_user USING (may_see(id)) WITH CHECK (may_see(id));
CREATE POLICY "service does all" ON projects TO hosted_service USING (true) WITH CHECK (true);
ALTER TABLE project_equipment_groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may see" ON project_equipment_groups TO hosted_user USING (may_see(project_id));
CREATE POLICY "not the free ones" ON project_equipment_groups AS RESTRICTIVE FOR SELECT TO hosted_anon USING (total_price > 0);
ALTER TABLE project_roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may see" ON project_roles USING (may_see(project_id));
ALTER TABLE "Order Notes" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may see" ON "Order Notes" TO hosted_user USING (may_see(project_number));
COMMENT ON POLICY "may see" ON projects IS 'The owner of a project, by login.';

GRANT USAGE ON SCHEMA public TO hosted_anon, hosted_user, hosted_service;
GRANT USAGE ON SCHEMA billing TO hosted_service;
GRANT ALL ON ALL TABLES IN SCHEMA public TO hosted_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, project_equipment_groups, project_roles, project_equipment TO hosted_user;
GRANT SELECT ON projects, project_types TO hosted_anon;
GRANT SELECT (id, company), UPDATE (company) ON customers TO hosted_user;
GRANT SELECT ON billing.invoices TO hosted_service WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION price(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION price(uuid) TO hosted_user;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO hosted_anon;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO hosted_anon, hosted_service;
