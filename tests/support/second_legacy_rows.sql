-- Rows for second_legacy.sql; ids by md5, so that they are the same each time.
INSERT INTO people (id, login, "Display Name")
SELECT md5('person ' || n)::uuid, 'login' || n, 'Person ' || n FROM generate_series(1, 12) AS n;
INSERT INTO customers SELECT md5('customer ' || n)::uuid, 'Company ' || n, 'NO' || n FROM generate_series(1, 9) AS n;
INSERT INTO project_types (id, code, name)
SELECT md5('type ' || c)::uuid, c, initcap(c) FROM unnest('{artist,corporate,broadcast,dry_hire}'::text[]) AS c;
INSERT INTO skills SELECT md5('skill ' || n)::uuid, 'Skill ' || n FROM generate_series(1, 10) AS n;
INSERT INTO articles SELECT md5('article ' || n)::uuid, 'Article ' || n, n * 7.5, n FROM generate_series(1, 30) AS n;
INSERT INTO projects (id, name, project_type_id, customer_id, owner_id, state, budget)
SELECT
    md5('project ' || n)::uuid, 'Project ' || n,
    md5('type ' || (ARRAY['artist', 'artist', 'corporate', 'broadcast', 'dry_hire'])[n % 5 + 1])::uuid,
    CASE WHEN n % 4 > 0 THEN md5('customer ' || n % 9 + 1)::uuid END, md5('person ' || n % 12 + 1)::uuid,
    (ARRAY['draft', 'it''s on', 'done'])[n % 3 + 1]::project_state, n * 100
FROM generate_series(1, 60) AS n;
INSERT INTO project_roles (id, project_id, role_id, daily_rate, preferred_id)
SELECT
    md5('role ' || n || ' ' || s)::uuid, md5('project ' || n)::uuid, md5('skill ' || s)::uuid, 100 * s,
    CASE WHEN s % 2 = 0 THEN md5('person ' || s)::uuid END
FROM generate_series(1, 60) AS n, generate_series(1, 4) AS s;
INSERT INTO project_equipment_groups (id, project_id, name, sort_order)
SELECT md5('group ' || n || ' ' || g)::uuid, md5('project ' || n)::uuid, 'Truck ' || g, g
FROM generate_series(1, 60) AS n, generate_series(1, 3) AS g;
INSERT INTO project_equipment (id, project_id, equipment_id, quantity, group_id)
SELECT
    md5('line ' || n || ' ' || g || ' ' || a)::uuid, md5('project ' || n)::uuid,
    md5('article ' || (n + g + a) % 30 + 1)::uuid, a,
    CASE WHEN g <= 3 THEN md5('group ' || n || ' ' || g)::uuid END
FROM generate_series(1, 60) AS n, generate_series(1, 4) AS g, generate_series(1, 2) AS a;
INSERT INTO project_events (id, project_id, date, name, event_type_id)
SELECT md5('event ' || n || ' ' || d)::uuid, md5('project ' || n)::uuid, date '2026-01-01' + n + d, 'Day ' || d, NULL
FROM generate_series(1, 60) AS n, generate_series(1, 3) AS d;
INSERT INTO project_event_roles (id, project_id, event_id, role_id, crew_member_id)
SELECT md5(e.id::text || r.id::text)::uuid, e.project_id, e.id, r.role_id, r.preferred_id
FROM project_events AS e JOIN project_roles AS r ON r.project_id = e.project_id AND r.role_id < e.id;
INSERT INTO project_event_equipment (id, project_id, event_id, equipment_id, quantity)
SELECT md5('booked ' || e.id)::uuid, e.project_id, e.id, md5('article 1')::uuid, 2 FROM project_events AS e;
INSERT INTO "Order Notes" (project_number, "Text", "weird ""col""")
SELECT p.number, 'Note on ' || p.name, jsonb_build_object('a', p.number) FROM projects AS p ORDER BY p.number LIMIT 40;
INSERT INTO activity
SELECT date '2025-12-01' + n * 20, md5('project ' || n)::uuid, 'opened' FROM generate_series(1, 60) AS n;
INSERT INTO billing.invoices
SELECT n, 1000 + 7 * n, price(1000 + 7 * n), ARRAY['a', NULL, 'it''s'] FROM generate_series(1, 20) AS n;
REFRESH MATERIALIZED VIEW prices_by_project;
