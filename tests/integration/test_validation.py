"""validate.py: each check passes on a good database and fails for its own reason on another."""

from __future__ import annotations

import pytest

from tests.conftest import on_versions
from tests.support.contents import contents_of
from tests.support.harness import Result, migrate, validate
from tests.support.servers import Database

ROLE = "validated_reader"


@pytest.fixture
def migrated(applied: Database) -> Database:
    """A database with all migrations applied and fresh statistics."""
    return applied


def found(result: Result, name: str) -> str:
    """Returns what a check that did not pass says."""
    place = next(place for place, line in enumerate(result.lines) if line.startswith(name))
    return "\n".join(result.lines[place : place + 3])


@on_versions(18)
def test_a_good_database_passes_and_is_not_changed(legacy: Database) -> None:
    assert migrate(legacy.settings()).ok
    legacy.run("ANALYZE")
    before = contents_of(legacy)

    result = validate(legacy.settings())

    assert result.ok, result.text
    for name in (
        "verify: 004_validate_migration",
        "preserved",
        "valid indexes",
        "validated constraints",
        "readers",
        "statistics",
    ):
        assert f"PASS  {name}" in result.text
    assert found(result, "WARN  unique rules: index project_roles_project_id_role_id_key") == (
        "WARN  unique rules: index project_roles_project_id_role_id_key\n"
        "found does not look at variant_name, added by 001_add_variant_columns\n"
        "expected to know that two rows which differ in variant_name alone cannot be"
    )
    assert "FAIL" not in result.text.replace("0 FAIL", "")
    assert contents_of(legacy) == before


class TestFails:
    @pytest.mark.parametrize(
        ("damage", "line", "instead"),
        [
            ("ALTER TABLE project_equipment DROP CONSTRAINT project_equipment_group_id_fkey", "constraint project_equipment.project_equipment_group_id_fkey", "missing"),
            ("ALTER TABLE project_event_roles DROP CONSTRAINT project_event_roles_event_id_role_id_key", "constraint project_event_roles.project_event_roles_event_id_role_id_key", "missing"),
            ("DROP TRIGGER set_group_price ON project_equipment", "trigger project_equipment.set_group_price", "missing"),
            ("ALTER POLICY owner_all ON projects USING (true)", "policy projects.owner_all", "policy projects.owner_all PERMISSIVE FOR ALL TO PUBLIC USING (true)"),
            ("ALTER TABLE project_events DISABLE ROW LEVEL SECURITY", "row_security project_events", "missing"),
            ("CREATE OR REPLACE FUNCTION calculate_role_cost(category hourly_category, daily numeric, hourly numeric, hours numeric,"
             " multiplier numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 1.0'", "function calculate_role_cost", "function calculate_role_cost"),
        ],
    )  # fmt: skip
    def test_what_was_there_before_is_named(self, migrated: Database, damage: str, line: str, instead: str) -> None:
        migrated.run(damage)

        result = validate(migrated.settings())

        assert not result.ok
        told = found(result, f"FAIL  preserved: {line}")
        assert f"found {instead}" in told
        assert "1 FAIL" in result.text

    def test_a_grant_that_was_withdrawn_is_named(self, legacy: Database) -> None:
        legacy.run("GRANT SELECT ON customers TO PUBLIC")
        assert migrate(legacy.settings()).ok
        legacy.run("REVOKE SELECT ON customers FROM PUBLIC")

        result = validate(legacy.settings())

        assert not result.ok
        assert "expected grant table customers PUBLIC SELECT" in result.text

    def test_a_verify_query_that_finds_a_problem(self, migrated: Database) -> None:
        migrated.run("ALTER TABLE project_roles DISABLE TRIGGER USER; UPDATE project_roles SET variant_name = ''")

        result = validate(migrated.settings())

        assert not result.ok
        assert "variant_name is empty" in found(result, "FAIL  verify: 004_validate_migration")

    def test_a_verify_query_that_could_not_run(self, migrated: Database) -> None:
        migrated.run("ALTER TABLE project_roles RENAME COLUMN variant_name TO variant")

        result = validate(migrated.settings())

        assert not result.ok
        assert "the verify query could not run" in found(result, "FAIL  verify: 004_validate_migration")

    def test_what_nobody_knows(self, migrated: Database) -> None:
        migrated.run("DELETE FROM pgmigrate.catalogs WHERE kind = 'first'")

        result = validate(migrated.settings())

        assert not result.ok
        assert "not known: the registry does not hold it" in found(result, "FAIL  preserved: the catalog before")


class TestWarns:
    @pytest.mark.parametrize(
        ("damage", "name", "what"),
        [
            ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_projects_owner'::regclass", "valid indexes: index idx_projects_owner", "INVALID"),
            ("ALTER TABLE project_variants ADD CONSTRAINT sane CHECK (sort_order >= 0) NOT VALID", "validated constraints: constraint project_variants.sane", "NOT VALID"),
            (f"REVOKE SELECT ON project_variants FROM {ROLE}", f"readers: role {ROLE}", "may read projects, but not project_variants"),
            ("DROP POLICY visible_project_all ON project_variants", f"readers: role {ROLE}", "no policy lets it see rows of project_variants"),
        ],
    )  # fmt: skip
    def test_what_the_structure_cannot_do(self, migrated: Database, damage: str, name: str, what: str) -> None:
        migrated.server.administer("CREATE ROLE {}", ROLE)
        try:
            migrated.run(f"GRANT SELECT ON projects, project_variants TO {ROLE}")
            assert f"WARN  {name}" not in validate(migrated.settings()).text
            migrated.run(damage)

            result = validate(migrated.settings())

            assert what in found(result, f"WARN  {name}")
        finally:
            migrated.run(f"DROP OWNED BY {ROLE}")
            migrated.server.administer("DROP ROLE {}", ROLE)

    def test_a_table_that_was_not_analyzed_since_it_got_an_index(self, legacy: Database) -> None:
        migrated = migrate(legacy.settings())
        assert "WARN  statistics" not in migrated.text
        legacy.run("SELECT pg_stat_reset_single_table_counters('project_roles'::regclass)")

        before = validate(legacy.settings())
        legacy.run("ANALYZE")

        assert "not analyzed since it got an index" in found(before, "WARN  statistics: table project_roles")
        assert "PASS  statistics" in validate(legacy.settings()).text


class TestAfterMigrating:
    def test_what_fails_ends_the_run_with_an_error(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_target=5)).ok
        # Nobody was asked, and no run has noted it: an event trigger of somebody's, say.
        legacy.run(
            "CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DROP TRIGGER set_group_price"
            " ON public.project_equipment; RETURN NULL; END; $$"
        )
        legacy.run("CREATE TRIGGER also AFTER INSERT ON pgmigrate.migrations FOR EACH ROW EXECUTE FUNCTION also()")

        result = migrate(legacy.settings())

        assert not result.ok
        assert (result.changed, result.failed) == (["006_release_group_name_rule"], ["Validation"])
        assert "preserved of trigger project_equipment.set_group_price: missing" in result.refusals[0]

    def test_what_other_hands_did_before_a_run_is_a_warning(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_target=5)).ok
        legacy.run("DROP TRIGGER set_group_price ON project_equipment")
        assert not validate(legacy.settings()).ok

        result = migrate(legacy.settings())

        assert result.ok, result.text
        assert result.unchanged == ["Check", "Validation"]
        assert "missing, outside of the migrations, before an earlier run" in found(
            result, "WARN  preserved: trigger project_equipment.set_group_price"
        )


def test_a_database_that_cannot_be_read_fails_every_check(legacy: Database) -> None:
    result = validate(legacy.settings(pg_port=1))

    assert not result.ok
    assert found(result, "FAIL  every check").splitlines()[1:] == ["found it could not be read", "expected an answer"]
    assert "1 FAIL, 0 WARN, 0 PASS" in result.text
