-- Rows of all kinds, in tables of all kinds: what a backup must bring back.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE SCHEMA "Other Schema";
CREATE TABLE "Other Schema"."Odd ""Names"" here" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a column" text, m mood, p pair, d positive, r regclass,
    b bit(3), v varbit, j json, jb jsonb, x xml, cash money, pt point, ts tsvector, iv interval, t time, tz timetz,
    n numeric, f float8, by bytea, u uuid, ip inet, c cidr, arr text[], moods mood[], rng int4range, mr int4multirange,
    twice bigint GENERATED ALWAYS AS (length("a column") * 2) STORED, ch char(5), "char" "char", na name
);
INSERT INTO "Other Schema"."Odd ""Names"" here" ("a column", m, p, d, r, b, v, j, jb, cash, pt, ts, iv, t, tz, n, f, by, u, ip,
    c, arr, moods, rng, mr, ch, "char", na)
SELECT 'text ''' || i, (ARRAY['sad', 'ok', 'happy'])[i % 3 + 1]::mood, (i, 'x')::pair, i, 'pg_class'::regclass, B'101', B'1',
    '{"a":  1}', '{"a": 1.10}', 12.5, '(1,2)', 'a b', '1 day 2 hours', '12:00', '12:00+02', i / 3.0, i / 3.0,
    decode('00ff', 'hex'), gen_random_uuid(), '10.0.0.1', '10.0.0.0/8', ARRAY['a', NULL], ARRAY['ok']::mood[], '[1,5)',
    '{[1,2),[5,8)}', 'ab', 'x', 'n'
FROM generate_series(1, 50) AS i;
INSERT INTO "Other Schema"."Odd ""Names"" here" DEFAULT VALUES;
CREATE TABLE nothing_in_it ();
INSERT INTO nothing_in_it DEFAULT VALUES;
CREATE TABLE parts (id integer, day date) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO parts SELECT i, date '2026-01-01' + i FROM generate_series(1, 300) AS i;
CREATE TABLE parent (id integer);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 'two');
CREATE UNLOGGED TABLE short_lived AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM parts;
SELECT lo_from_bytea(0, 'large');
