"""The catalog as lines: the same on every version, and every kind of change shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.catalog.lines import is_own, key_of
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.conftest import ALL_VERSIONS, Machines, on_all_versions
from tests.support.servers import SQL, Server

# One of every kind of object that a structure may have.
CORPUS = """
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE DOMAIN percent AS numeric(5, 2) DEFAULT 0 CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE address AS (street text, number integer);
CREATE TYPE span AS RANGE (subtype = date);
CREATE SEQUENCE counter START 5 INCREMENT 2 CYCLE MAXVALUE 99;
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    old_id serial,
    name varchar(40) COLLATE "C" NOT NULL,
    mood mood DEFAULT 'happy',
    share percent,
    home address,
    born date,
    notes text DEFAULT E'line one\\nline two',
    shout text GENERATED ALWAYS AS (upper(name)) STORED,
    "Odd Name" integer,
    boss bigint REFERENCES people (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT name_is_short CHECK (CASE WHEN name = 'x' THEN false ELSE length(name) < 30 END),
    UNIQUE NULLS NOT DISTINCT (name, born)
);
ALTER TABLE people ALTER COLUMN notes SET STORAGE EXTERNAL, ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE people ADD CONSTRAINT not_checked CHECK (born > '1900-01-01') NOT VALID;
CREATE TABLE other.things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), person bigint REFERENCES people);
CREATE TABLE measured (at timestamptz NOT NULL, value double precision) PARTITION BY RANGE (at);
CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON measured (at);
CREATE UNLOGGED TABLE scratch (a integer) WITH (fillfactor = 70);
CREATE TABLE child (extra text) INHERITS (scratch);
CREATE INDEX people_lower ON people (lower(name)) INCLUDE (mood) WHERE born IS NOT NULL;
CREATE UNIQUE INDEX people_odd ON people ("Odd Name" DESC NULLS LAST);
CREATE STATISTICS people_stats (dependencies) ON name, born FROM people;
CREATE FUNCTION shout(word text, times integer DEFAULT 2) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog AS $$ SELECT repeat(upper(word), times) $$;
CREATE FUNCTION born_in(y integer) RETURNS SETOF people BEGIN ATOMIC SELECT * FROM people WHERE extract(year FROM born) = y; END;
CREATE PROCEDURE nothing() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE longest (text) (sfunc = textcat, stype = text, initcond = '');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE UPDATE OF name ON people FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION stamp();
CREATE TRIGGER off AFTER INSERT ON people FOR EACH STATEMENT EXECUTE FUNCTION stamp();
ALTER TABLE people DISABLE TRIGGER off;
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON people FOR UPDATE USING (name = current_user) WITH CHECK (EXISTS (SELECT 1 FROM other.things AS t WHERE t.person = people.id));
CREATE POLICY never ON people AS RESTRICTIVE FOR DELETE TO CURRENT_USER USING (false);
CREATE VIEW happy AS SELECT id, name FROM people WHERE mood = 'happy' AND EXISTS (SELECT 1 FROM people AS p WHERE p.boss = people.id);
CREATE VIEW joined WITH (security_barrier) AS SELECT p.name, t.id FROM people AS p LEFT JOIN other.things AS t ON t.person = p.id;
CREATE VIEW folded AS WITH a AS (SELECT id FROM people) SELECT a.id FROM a UNION SELECT count(*) FROM people GROUP BY born HAVING count(*) > 1 ORDER BY 1;
CREATE MATERIALIZED VIEW counted AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
CREATE RULE no_delete AS ON DELETE TO scratch DO INSTEAD NOTHING;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE COLLATION german (provider = libc, locale = 'C');
CREATE PUBLICATION feed FOR TABLE people (id, name) WHERE (id > 5), measured;
COMMENT ON TABLE people IS 'Who it''s about';
COMMENT ON COLUMN people.name IS 'As on the passport';
GRANT SELECT ON people TO PUBLIC;
GRANT UPDATE (name) ON people TO PUBLIC;
"""


def corpus_lines(server: Server) -> frozenset[str]:
    with server.database("empty") as database:
        # postgres is the superuser on all of our servers, so that policies name the same role.
        database.run(CORPUS)
        return database.catalog().lines


def test_the_same_structure_gives_the_same_lines_on_all_versions(machines: Machines) -> None:
    found = {version: corpus_lines(machines.server(version)) for version in ALL_VERSIONS}
    shared = {version: {line for line in lines if not is_own(line)} for version, lines in found.items()}

    for version in ALL_VERSIONS[1:]:
        assert shared[version] ^ shared[ALL_VERSIONS[0]] == set()
    assert len(shared[ALL_VERSIONS[0]]) > 60


def test_the_corpus_has_a_line_of_every_kind(server: Server) -> None:
    kinds = {line.split(" ", 1)[0] for line in corpus_lines(server)}

    assert kinds >= {
        "aggregate", "collation", "column", "column_setting", "comment", "constraint", "function", "grant", "index",
        "materialized_view", "operator", "owner", "policy", "procedure", "publication", "publication_table",
        "row_security", "rule", "schema", "sequence", "statistics", "table", "table_setting", "trigger", "type", "view",
        "view_setting",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ("ALTER TABLE people ALTER COLUMN share SET NOT NULL", "column people.share"),
        ("ALTER TABLE people ALTER COLUMN mood DROP DEFAULT", "column people.mood"),
        ("ALTER TABLE scratch ALTER COLUMN a TYPE bigint", "column scratch.a"),
        ('ALTER TABLE people DROP COLUMN "Odd Name" CASCADE', 'column people."Odd Name"'),
        ("ALTER TABLE people RENAME CONSTRAINT name_is_short TO name_is_long", "constraint people.name_is_long"),
        ("ALTER TABLE people VALIDATE CONSTRAINT not_checked", "constraint people.not_checked"),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_odd'::regclass", "index people_odd"),
        ("ALTER TABLE people DISABLE TRIGGER stamp", "trigger people.stamp"),
        ("ALTER TABLE people DISABLE TRIGGER ALL", "constraint_disabled people.people_boss_fkey"),
        ("ALTER TABLE people DISABLE ROW LEVEL SECURITY", "row_security people"),
        ("ALTER TABLE people FORCE ROW LEVEL SECURITY", "row_security people"),
        ("ALTER POLICY own ON people USING (true)", "policy people.own"),
        ("ALTER TYPE mood ADD VALUE 'mellow'", "type mood"),
        ("ALTER DOMAIN percent SET DEFAULT 1", "type percent"),
        ("ALTER SEQUENCE counter INCREMENT 3", "sequence counter"),
        ("ALTER FUNCTION shout(text, integer) SECURITY DEFINER", "function shout(text, integer)"),
        (
            "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            "function stamp()",
        ),
        ("CREATE OR REPLACE VIEW happy AS SELECT id, name FROM people WHERE mood = 'sad'", "view happy"),
        ("ALTER VIEW happy ALTER COLUMN name SET DEFAULT 'no''body'", "column_setting happy.name default"),
        ("ALTER VIEW joined RESET (security_barrier)", "view_setting joined security_barrier"),
        ("ALTER TABLE scratch SET (fillfactor = 80)", "table_setting scratch fillfactor"),
        ("ALTER TABLE measured DETACH PARTITION measured_2026", "table measured_2026"),
        ("REVOKE SELECT ON people FROM PUBLIC", "table people"),
        ("REVOKE UPDATE (name) ON people FROM PUBLIC", "column people.name"),
        ("COMMENT ON TABLE people IS 'Someone else'", "table people"),
        ("ALTER PUBLICATION feed DROP TABLE measured", "publication_table feed.measured"),
        ("DROP STATISTICS people_stats", "statistics people_stats"),
    ],
)  # fmt: skip
def test_an_edit_by_hand_shows(server: Server, edit: str, changed: str) -> None:
    with server.database("empty") as database:
        database.run(CORPUS)
        before = database.catalog()
        database.run(edit)
        patch = before.difference(database.catalog())

    assert changed in {key_of(line) for line in patch.minus | patch.plus}


@pytest.mark.parametrize(
    "harmless",
    [
        "ANALYZE",
        "VACUUM",
        "REINDEX TABLE people",
        "INSERT INTO people (name) VALUES ('Ada')",
        "SELECT nextval('counter')",
    ],
)
def test_what_is_no_change_does_not_show(server: Server, harmless: str) -> None:
    with server.database("empty") as database:
        database.run(CORPUS)
        before = database.catalog()
        database.run(harmless)

        assert database.catalog() == before


def test_swapped_columns_of_one_name_show_in_the_text_of_a_view(server: Server) -> None:
    with server.database("empty") as database:
        database.run(
            "CREATE TABLE a (x integer); CREATE TABLE b (x integer); CREATE VIEW v AS SELECT a.x AS one, b.x AS two FROM a, b"
        )
        before = database.catalog()
        database.run("CREATE OR REPLACE VIEW v AS SELECT b.x AS one, a.x AS two FROM a, b")

        patch = before.difference(database.catalog())

    assert {key_of(line) for line in patch.plus} == {"view v"}


@on_all_versions
def test_effects_are_recorded_with_the_same_bytes_everywhere(server: Server) -> None:
    conninfo = " ".join(f"{name}='{value}'" for name, value in server.conninfo.items())

    recorded = record_folder(SQL, f"{conninfo} dbname=postgres")

    committed = {path.name: path.read_text() for path in Path(SQL).glob("*.effect")}
    assert recorded == committed
