"""What others built on what a rollback drops: refused, or kept and made again on the way forward."""

from __future__ import annotations

import pytest

from tests.conftest import on_versions
from tests.support.application import application, same
from tests.support.contents import contents_of
from tests.support.harness import Result, migrate, rollback
from tests.support.servers import Database

KEPT = {"pg_dependents": "quarantine"}

# One of each kind, and some on others of them.
THEIRS = {
    "view theirs": "CREATE VIEW theirs WITH (security_invoker=true) AS SELECT id, project_id AS project FROM project_variants;"
    " ALTER VIEW theirs ALTER COLUMN id SET DEFAULT gen_random_uuid(); ALTER VIEW theirs ALTER COLUMN project SET DEFAULT NULL",
    "view theirs_too": "CREATE VIEW theirs_too AS SELECT t.project, r.variant_name FROM theirs AS t JOIN project_roles AS r ON r.project_id = t.project",
    "materialized_view counted": "CREATE MATERIALIZED VIEW counted AS SELECT variant_name, count(*) AS many FROM project_equipment_groups GROUP BY variant_name",
    "index counted_name": "CREATE UNIQUE INDEX counted_name ON counted (variant_name)",
    "function first_variant(uuid)": "CREATE FUNCTION first_variant(p uuid) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC"
    " SELECT min(v.variant_name) FROM project_variants AS v WHERE v.project_id = p; END",
    "function shown(project_variants)": "CREATE FUNCTION shown(v project_variants) RETURNS text LANGUAGE sql AS 'SELECT v.display_name'",
    "policy project_roles.only_default": "CREATE POLICY only_default ON project_roles AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (variant_name = 'default')",
    "policy projects.with_variant": "CREATE POLICY with_variant ON projects FOR SELECT USING (EXISTS (SELECT 1 FROM project_variants AS v WHERE v.project_id = id))",
    "policy project_variants.ours": "CREATE POLICY ours ON project_variants FOR DELETE TO PUBLIC USING (not is_default)",
    "constraint notes.notes_variant_fkey": "CREATE TABLE notes (id int PRIMARY KEY, variant uuid CONSTRAINT notes_variant_fkey REFERENCES project_variants ON DELETE CASCADE)",
    "constraint project_roles.sane": "ALTER TABLE project_roles ADD CONSTRAINT sane CHECK (variant_name <> '' OR daily_rate > 0) NOT VALID",
    "index theirs_roles": "CREATE INDEX theirs_roles ON project_roles (role_id) WHERE variant_name <> 'default'",
    "index theirs_variants": "CREATE INDEX theirs_variants ON project_variants (display_name)",
    "trigger project_variants.noted": "CREATE TRIGGER noted AFTER UPDATE ON project_variants FOR EACH ROW EXECUTE FUNCTION set_updated_at();"
    " ALTER TABLE project_variants DISABLE TRIGGER noted",
    "trigger project_roles.renamed": "CREATE TRIGGER renamed AFTER UPDATE OF variant_name ON project_roles FOR EACH ROW EXECUTE FUNCTION set_updated_at()",
    "statistics correlated": "CREATE STATISTICS correlated ON project_id, variant_name FROM project_roles",
    "publication_table changes.project_variants": "CREATE PUBLICATION changes FOR TABLE project_variants (id, project_id)",
}
OWN = """GRANT SELECT ON theirs TO PUBLIC; COMMENT ON VIEW theirs IS E'it''s\\nours \\\\ too'; COMMENT ON COLUMN theirs.project IS 'whose';
GRANT SELECT (project) ON theirs_too TO pg_monitor WITH GRANT OPTION;
REVOKE ALL ON FUNCTION first_variant(uuid) FROM PUBLIC; GRANT EXECUTE ON FUNCTION first_variant(uuid) TO pg_monitor;
COMMENT ON POLICY only_default ON project_roles IS 'strict'; ALTER VIEW theirs OWNER TO pg_monitor;
GRANT SELECT ON project_variants TO pg_monitor; REVOKE DELETE ON project_variants FROM CURRENT_USER;
COMMENT ON TABLE project_variants IS 'variants'; COMMENT ON COLUMN project_roles.variant_name IS 'which';
GRANT UPDATE (variant_name) ON project_roles TO pg_monitor"""


@pytest.fixture
def built_on(applied: Database) -> Database:
    """A database where others have built on everything that the migrations made."""
    return build_on(applied)


def build_on(database: Database) -> Database:
    """Makes all of THEIRS in a database that is migrated."""
    for statement in THEIRS.values():
        database.run(statement)
    database.run("INSERT INTO notes SELECT row_number() OVER (), id FROM project_variants LIMIT 5")
    database.run(OWN)
    return database


def refusal(result: Result) -> str:
    (found,) = result.refusals
    return found


class TestRefused:
    @on_versions(18)
    def test_all_of_them_are_listed_and_nothing_is_changed(self, built_on: Database) -> None:
        database = built_on
        before = contents_of(database)

        found = refusal(rollback(database.settings()))

        listed = found.split("Found ")[1].split("; expected")[0].split("; ")
        assert sorted(listed) == sorted(THEIRS)
        assert f"{len(THEIRS)} objects created outside these migrations depend on objects" in found
        assert "--data pg_dependents=quarantine" in found
        assert contents_of(database) == before

    def test_nothing_of_the_migrations_themselves_is_among_them(self, applied: Database) -> None:
        assert rollback(applied.settings(), execute=False).ok

    def test_what_cannot_be_made_again_is_never_dropped(self, applied: Database) -> None:
        made = {
            "column project_variants.colour": "ALTER TABLE project_variants ADD COLUMN colour text",
            "column project_roles.loud": "ALTER TABLE project_roles ADD COLUMN loud text"
            " GENERATED ALWAYS AS (upper(variant_name)) STORED",
            "column kept.v": "CREATE TABLE kept (v project_variants)",
            "table more": "CREATE TABLE more () INHERITS (project_variants)",
        }
        for statement in made.values():
            applied.run(statement)
        before = contents_of(applied)

        found = refusal(rollback(applied.settings(**KEPT)))

        # Of all that is in the way only what could not be made again is listed then.
        assert [key for key in made if key not in found] == [], found
        assert "These cannot be kept" in found
        assert contents_of(applied) == before


class TestKept:
    @on_versions(15, 18)
    def test_they_are_made_again_as_they_were(self, legacy: Database) -> None:
        first = legacy.structure()
        assert migrate(legacy.settings()).ok
        database = build_on(legacy)
        before = application(database)
        dry = rollback(database.settings(**KEPT), execute=False)

        back = rollback(database.settings(**KEPT))

        assert back.ok, back.text
        assert database.structure() - first == {
            line
            for line in before.catalog.lines
            if " notes." in line or " notes_pkey " in line or "table notes" in line
            if not line.startswith(("constraint notes.notes_variant", "owner", "grant"))
        } | {line for line in before.catalog.lines if line.startswith("publication changes")}
        assert first <= database.structure()
        assert "drops view theirs_too, to make it again on the way forward" in dry.text
        assert "this policy restricts: without it more rows can be seen" in dry.text
        assert rollback(database.settings(**KEPT)).unchanged == ["Rollback"]

        forward = migrate(database.settings())

        assert forward.ok, forward.text
        assert same(before, database) == []
        assert database.value("SELECT count(*) FROM pgmigrate.dependents WHERE restored_at IS NULL") == 0
        # And they are still the others', not the migrations'.
        again = rollback(database.settings(**KEPT))
        assert again.ok, again.text
        assert migrate(database.settings()).ok
        assert same(before, database) == []

    def test_a_privilege_that_was_revoked_does_not_come_back(self, applied: Database) -> None:
        acl = "SELECT proacl::text FROM pg_proc WHERE proname = 'first_variant'"
        applied.run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO pg_monitor")
        applied.run(THEIRS["function first_variant(uuid)"])
        given = applied.value(acl)
        applied.run("REVOKE EXECUTE ON FUNCTION first_variant(uuid) FROM pg_monitor, PUBLIC")
        before = applied.value(acl)
        assert "pg_monitor" in given
        assert "pg_monitor" not in before

        assert rollback(applied.settings(**KEPT)).ok
        assert migrate(applied.settings()).ok

        assert applied.value(acl) == before

    def test_one_that_somebody_made_again_by_hand_is_told(self, built_on: Database) -> None:
        assert rollback(built_on.settings(**KEPT)).ok
        built_on.run("CREATE VIEW theirs AS SELECT 1 AS project")

        result = migrate(built_on.settings())

        assert result.ok, result.text
        assert (
            'note: could not make view theirs again, its definition stays kept: relation "theirs" already'
            in result.text
        )
        assert built_on.rows("SELECT object FROM pgmigrate.dependents WHERE restored_at IS NULL ORDER BY id") == [
            ("view theirs",),
            ("view theirs_too",),
        ]

    def test_one_that_waits_for_a_later_migration_waits(self, built_on: Database) -> None:
        before = application(built_on)
        assert rollback(built_on.settings(**KEPT)).ok

        first = migrate(built_on.settings(pg_target=1))

        assert first.ok, first.text
        assert "made again: index theirs_roles" in first.text
        assert "note: could not make view theirs again" in first.text
        assert migrate(built_on.settings()).ok
        assert same(before, built_on) == []
