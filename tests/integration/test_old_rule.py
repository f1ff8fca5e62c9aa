"""The old rule on names of groups: it goes in whatever form it lives, and waits for an application that still needs it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import on_versions
from tests.support.application import OLD_RULE
from tests.support.harness import migrate, status
from tests.support.servers import Database, Server

pytestmark = pytest.mark.usefixtures("one_by_one")


def two_variants_may_share_a_name(database: Database) -> bool:
    project = database.value("SELECT id FROM projects LIMIT 1")
    name = f"Shared {uuid.uuid4()}"
    try:
        for variant in ("trio", "band"):
            database.session.execute(
                "INSERT INTO project_equipment_groups (project_id, name, variant_name) VALUES (%s, %s, %s)",
                [project, name, variant],
            )
    except psycopg.errors.UniqueViolation:
        return False
    return True


class TestOldRule:
    @on_versions(18)
    @pytest.mark.parametrize(
        ("rule", "removed"),
        [
            pytest.param(
                'ALTER TABLE project_equipment_groups ADD CONSTRAINT "One name, please" UNIQUE (project_id, name)',
                'constraint project_equipment_groups."One name, please" UNIQUE (project_id, name)',
                id="constraint",
            ),
            pytest.param(
                "CREATE UNIQUE INDEX other_way_round ON project_equipment_groups (name, project_id)",
                "index other_way_round CREATE UNIQUE INDEX other_way_round ON project_equipment_groups USING btree "
                "(name, project_id)",
                id="index",
            ),
        ],
    )
    def test_it_goes_wherever_it_lives_and_the_registry_keeps_it(
        self, legacy: Database, rule: str, removed: str
    ) -> None:
        legacy.run(f"DROP INDEX {OLD_RULE}")
        legacy.run(rule)

        predicted = migrate(legacy.settings(), execute=False)
        result = migrate(legacy.settings())

        assert f"- {removed}" in predicted.lines
        assert result.ok, result.text
        assert two_variants_may_share_a_name(legacy)
        assert legacy.value("SELECT removed FROM pgmigrate.migrations WHERE version = 6") == [removed]
        assert not migrate(legacy.settings()).changed

    def test_both_kinds_at_once_go(self, legacy: Database) -> None:
        legacy.run("ALTER TABLE project_equipment_groups ADD CONSTRAINT one_name UNIQUE (project_id, name)")

        result = migrate(legacy.settings())

        assert result.ok, result.text
        assert two_variants_may_share_a_name(legacy)
        assert len(legacy.value("SELECT removed FROM pgmigrate.migrations WHERE version = 6")) == 2

    def test_a_database_without_it_is_adopted(self, legacy: Database) -> None:
        legacy.run(f"DROP INDEX {OLD_RULE}")

        result = migrate(legacy.settings())

        assert result.ok, result.text
        assert legacy.value("SELECT how FROM pgmigrate.migrations WHERE version = 6") == "adopted"

    def test_a_rule_of_another_form_is_reported_and_not_guessed_at(self, legacy: Database) -> None:
        legacy.run(f"DROP INDEX {OLD_RULE}")
        legacy.run("CREATE UNIQUE INDEX lower_name ON project_equipment_groups (project_id, lower(name))")

        result = migrate(legacy.settings())

        assert not result.ok
        assert result.failed == ["006_release_group_name_rule"]
        (refusal,) = result.refusals
        assert "index lower_name" in refusal
        assert "lower(name)" in refusal
        assert legacy.value("SELECT count(*) FROM pg_class WHERE relname = 'lower_name'") == 1


class TestHeldBack:
    """006 waits while the application still upserts on the old rule; needs pg_stat_statements."""

    @pytest.fixture
    def legacy(self, machines: object) -> Iterator[Database]:
        server: Server = machines.server(17)  # type: ignore[attr-defined]
        with server.database("legacy") as database:
            database.run("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
            yield database

    def upsert(self, database: Database, conflict: str) -> None:
        project = database.value("SELECT id FROM projects LIMIT 1")
        database.session.execute(
            "INSERT INTO project_equipment_groups (project_id, name, sort_order) VALUES (%s, 'Upserted', 1)"
            f" ON CONFLICT {conflict}".encode(),
            [project],
        )

    def test_it_is_held_back_named_and_released_on_request(self, legacy: Database) -> None:
        self.upsert(legacy, "(project_id, name) DO UPDATE SET sort_order = 2")

        held = migrate(legacy.settings())
        shown = status(legacy.settings())

        assert held.ok
        assert "006_release_group_name_rule" not in held.changed
        assert held.changed[-1] == "005_add_lookup_indexes"
        assert 'still in use, 1 call(s) of "INSERT INTO project_equipment_groups' in held.text
        assert "pg_release=true" in held.text
        assert any(line.startswith("006_release_group_name_rule        held") for line in shown.lines)
        assert not migrate(legacy.settings()).changed
        assert not two_variants_may_share_a_name(legacy)

        released = migrate(legacy.settings(pg_release=True))

        assert released.changed == ["006_release_group_name_rule"]
        assert two_variants_may_share_a_name(legacy)

    @pytest.mark.parametrize("conflict", ["DO NOTHING", "(id) DO NOTHING"])
    def test_other_upserts_do_not_hold_it(self, legacy: Database, conflict: str) -> None:
        self.upsert(legacy, conflict)

        assert "006_release_group_name_rule" in migrate(legacy.settings()).changed

    def test_an_upsert_by_the_name_of_the_constraint_holds_it(self, legacy: Database) -> None:
        legacy.run(f"DROP INDEX {OLD_RULE}")
        legacy.run("ALTER TABLE project_equipment_groups ADD CONSTRAINT one_name UNIQUE (project_id, name)")
        self.upsert(legacy, "ON CONSTRAINT one_name DO NOTHING")

        assert "006_release_group_name_rule" not in migrate(legacy.settings()).changed

    def test_it_is_held_in_the_dry_run_too(self, legacy: Database) -> None:
        self.upsert(legacy, "(project_id, name) DO NOTHING")

        predicted = migrate(legacy.settings(), execute=False)

        assert any(line.startswith("006_release_group_name_rule: held") for line in predicted.lines)
        assert "006_release_group_name_rule" not in predicted.predicted
