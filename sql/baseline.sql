-- The legacy structure: what the application had before project variants.
--
-- The demo, the tests and "pgmigrate record" start here; migrate.py never runs this file. Roles are
-- not made here (they belong to the server, not to the database): policies are for everyone, and who
-- may use which table is granted on each server.

CREATE TYPE hourly_category AS ENUM ('flat', 'corporate', 'broadcast');

CREATE FUNCTION set_updated_at()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

-- People, things and kinds that a project refers to.

CREATE TABLE customers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    organization text,
    email text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE crew_members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    email text,
    phone text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE crew_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE equipment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    rental_price numeric(10, 2) NOT NULL DEFAULT 0 CHECK (rental_price >= 0),
    stock integer NOT NULL DEFAULT 0 CHECK (stock >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE event_types (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    rate_multiplier numeric(4, 2) NOT NULL DEFAULT 1.00 CHECK (rate_multiplier >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE project_types (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A project, and what is planned for it.

CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    project_type_id uuid REFERENCES project_types (id),
    customer_id uuid REFERENCES customers (id) ON DELETE SET NULL,
    owner_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_projects_type ON projects (project_type_id);

CREATE INDEX idx_projects_owner ON projects (owner_id);

CREATE TABLE project_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    role_id uuid NOT NULL REFERENCES crew_roles (id),
    daily_rate numeric(10, 2) CHECK (daily_rate >= 0),
    hourly_rate numeric(10, 2) CHECK (hourly_rate >= 0),
    hourly_category hourly_category NOT NULL DEFAULT 'flat',
    preferred_id uuid REFERENCES crew_members (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, role_id)
);

CREATE TABLE project_equipment_groups (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name text NOT NULL,
    sort_order integer NOT NULL DEFAULT 0,
    total_price numeric(12, 2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX idx_project_equipment_groups_project ON project_equipment_groups (project_id, name);

CREATE TABLE project_equipment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    equipment_id uuid NOT NULL REFERENCES equipment (id),
    group_id uuid REFERENCES project_equipment_groups (id) ON DELETE CASCADE,
    quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_project_equipment_project ON project_equipment (project_id);

CREATE INDEX idx_project_equipment_group ON project_equipment (group_id);

-- The days of a project, and who and what is booked for each.

CREATE TABLE project_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    date date NOT NULL,
    name text NOT NULL,
    event_type_id uuid NOT NULL REFERENCES event_types (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_project_events_project ON project_events (project_id, date);

CREATE TABLE project_event_roles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES project_events (id) ON DELETE CASCADE,
    role_id uuid NOT NULL REFERENCES crew_roles (id),
    crew_member_id uuid REFERENCES crew_members (id) ON DELETE SET NULL,
    daily_rate numeric(10, 2),
    hourly_rate numeric(10, 2),
    hourly_category hourly_category NOT NULL DEFAULT 'flat',
    hours_worked numeric(5, 2) CHECK (hours_worked >= 0),
    total_cost numeric(12, 2),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, role_id)
);

CREATE INDEX idx_project_event_roles_project ON project_event_roles (project_id);

CREATE TABLE project_event_equipment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES project_events (id) ON DELETE CASCADE,
    equipment_id uuid NOT NULL REFERENCES equipment (id),
    quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, equipment_id)
);

CREATE INDEX idx_project_event_equipment_project ON project_event_equipment (project_id);

-- Rates. Flat: the daily rate times the multiplier of the event's type. Corporate and broadcast: by
-- the hour, broadcast with half as much again for each hour after the tenth.

CREATE FUNCTION calculate_role_cost(
    category hourly_category,
    daily numeric,
    hourly numeric,
    hours numeric,
    multiplier numeric
)
RETURNS numeric
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT round(
        CASE
            WHEN category = 'flat' THEN daily * multiplier
            WHEN category = 'corporate' THEN hourly * COALESCE(hours, 0) * multiplier
            ELSE hourly * (COALESCE(hours, 0) + GREATEST(COALESCE(hours, 0) - 10, 0) * 0.5) * multiplier
        END,
        2
    );
$$;

CREATE FUNCTION set_role_cost()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    SELECT
        COALESCE(NEW.daily_rate, r.daily_rate),
        COALESCE(NEW.hourly_rate, r.hourly_rate)
    INTO NEW.daily_rate, NEW.hourly_rate
    FROM (SELECT 1) AS one
    LEFT JOIN project_roles AS r ON r.project_id = NEW.project_id AND r.role_id = NEW.role_id;

    SELECT calculate_role_cost(NEW.hourly_category, NEW.daily_rate, NEW.hourly_rate, NEW.hours_worked, t.rate_multiplier)
    INTO NEW.total_cost
    FROM project_events AS e
    JOIN event_types AS t ON t.id = e.event_type_id
    WHERE e.id = NEW.event_id;
    RETURN NEW;
END;
$$;

CREATE TRIGGER set_role_cost
BEFORE INSERT OR UPDATE ON project_event_roles
FOR EACH ROW EXECUTE FUNCTION set_role_cost();

-- The price of a group is the price of what is in it.

CREATE FUNCTION set_group_price()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE project_equipment_groups AS g
    SET total_price = COALESCE((
        SELECT sum(p.quantity * e.rental_price)
        FROM project_equipment AS p
        JOIN equipment AS e ON e.id = p.equipment_id
        WHERE p.group_id = g.id
    ), 0)
    WHERE g.id IN (
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.group_id END,
        CASE WHEN TG_OP <> 'DELETE' THEN NEW.group_id END
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER set_group_price
AFTER INSERT OR DELETE OR UPDATE ON project_equipment
FOR EACH ROW EXECUTE FUNCTION set_group_price();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON customers
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON crew_members
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON crew_roles
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON equipment
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON event_types
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_types
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON projects
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_roles
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_equipment_groups
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_equipment
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_events
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_event_roles
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER set_updated_at
BEFORE UPDATE ON project_event_equipment
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- Who sees what: a user sees the projects that are theirs, and what belongs to those. The
-- application says who the user is: SET app.user_id.

CREATE FUNCTION current_user_id()
RETURNS uuid
LANGUAGE sql
STABLE
AS $$
    SELECT NULLIF(current_setting('app.user_id', true), '')::uuid;
$$;

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON projects
USING (owner_id = current_user_id())
WITH CHECK (owner_id = current_user_id());

ALTER TABLE project_roles ENABLE ROW LEVEL SECURITY;

CREATE POLICY project_owner_all ON project_roles
USING (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id))
WITH CHECK (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id));

ALTER TABLE project_equipment_groups ENABLE ROW LEVEL SECURITY;

CREATE POLICY project_owner_all ON project_equipment_groups
USING (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id))
WITH CHECK (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id));

ALTER TABLE project_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY project_owner_all ON project_events
USING (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id))
WITH CHECK (EXISTS (SELECT 1 FROM projects AS p WHERE p.id = project_id));

CREATE VIEW project_group_totals
WITH (security_invoker = true)
AS
SELECT
    g.project_id,
    count(*) AS group_count,
    sum(g.total_price) AS total_price
FROM project_equipment_groups AS g
GROUP BY g.project_id;
