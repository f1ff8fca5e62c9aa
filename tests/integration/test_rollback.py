"""The way back: structure line for line, every row kept, and forward again as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup.contents import Contents

from tests.conftest import on_versions
from tests.support import templates
from tests.support.application import CONSTRAINT, OLD_RULE, application, same
from tests.support.contents import contents_of
from tests.support.harness import migrate, rollback, status
from tests.support.migrations import MIGRATIONS, run_statement
from tests.support.servers import Database, Server

_first: dict[int, Contents] = {}


@pytest.fixture
def first(server: Server) -> Contents:
    """What a legacy database of the server has before the first migration."""
    if server.version not in _first:
        with server.database("legacy") as database:
            _first[server.version] = application(database)
    return _first[server.version]


class TestWayBack:
    @on_versions(18)
    def test_the_database_is_what_it_was_and_can_go_forward_again(self, legacy: Database) -> None:
        before = application(legacy)
        assert migrate(legacy.settings()).ok
        after = application(legacy)

        first = rollback(legacy.settings())
        assert first.ok, first.text
        assert first.changed == ["Rollback"]
        assert same(before, legacy) == []
        assert rollback(legacy.settings()).unchanged == ["Rollback"]
        assert legacy.value("SELECT count(*) FROM pgmigrate.migrations") == 0
        assert legacy.value("SELECT count(*) FROM pgmigrate.events WHERE event = 'reverted'") == 6
        assert "no drift" in status(legacy.settings()).text

        forward = migrate(legacy.settings())
        assert forward.ok, forward.text
        assert application(legacy).catalog == after.catalog

    @pytest.mark.parametrize("rule", ["index", "constraint", "both", "none"])
    def test_the_old_rule_comes_back_as_it_was(self, legacy: Database, rule: str) -> None:
        if rule in ("constraint", "none"):
            legacy.run(f"DROP INDEX {OLD_RULE}")
        if rule in ("constraint", "both"):
            legacy.run(CONSTRAINT)
        before = application(legacy)
        assert migrate(legacy.settings()).ok

        result = rollback(legacy.settings())

        assert result.ok, result.text
        assert same(before, legacy) == []

    @pytest.mark.parametrize("target", range(1, 6))
    def test_from_each_version(self, server: Server, first: Contents, target: int) -> None:
        with server.database(templates.migrated(server, target)) as database:
            result = rollback(database.settings())

            assert result.ok, result.text
            assert same(first, database) == []

    @pytest.mark.parametrize("count", range(1, 15))
    def test_from_each_half_applied_state(self, legacy: Database, count: int) -> None:
        before = application(legacy)
        statements = [(one, statement.number) for one in MIGRATIONS for statement in one.statements]
        for migration, number in statements[:count]:
            run_statement(legacy, migration, number)

        result = rollback(legacy.settings())

        assert result.ok, result.text
        assert same(before, legacy) == []

    @pytest.mark.parametrize("target", range(1, 7))
    def test_without_a_registry_by_the_effects(self, server: Server, first: Contents, target: int) -> None:
        with server.database(templates.migrated(server, target)) as database:
            database.run("DROP SCHEMA pgmigrate CASCADE")

            result = rollback(database.settings())

            assert result.ok, result.text
            assert same(first, database) == []

    @pytest.mark.parametrize(
        "damage",
        [
            "DROP TABLE pgmigrate.registry",
            "DELETE FROM pgmigrate.registry",
            "DROP TABLE pgmigrate.migrations",
            "ALTER TABLE pgmigrate.migrations DROP COLUMN removed",
            "DROP TABLE pgmigrate.catalogs, pgmigrate.quarantines",
            "DELETE FROM pgmigrate.migrations WHERE version IN (2, 6)",
            "UPDATE pgmigrate.migrations SET removed = NULL, added = NULL; DELETE FROM pgmigrate.catalogs",
        ],
    )
    def test_with_a_damaged_registry_by_the_effects(self, applied: Database, first: Contents, damage: str) -> None:
        after = application(applied)
        applied.run(damage)

        result = rollback(applied.settings())

        assert result.ok, result.text
        assert same(first, applied) == []
        # Nothing of what was left of it is lost.
        aside = applied.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgmigrate\\_damaged\\_%%'")
        assert len(aside) == (0 if "DELETE FROM pgmigrate.migrations" in damage or "UPDATE" in damage else 1)
        assert migrate(applied.settings()).ok
        assert application(applied).catalog == after.catalog

    def test_migrate_refuses_a_damaged_registry(self, applied: Database) -> None:
        applied.run("DROP TABLE pgmigrate.migrations")

        result = migrate(applied.settings())

        assert "cannot use the registry: it is damaged" in result.refusals[0]
        assert "Found tables missing or without one of their columns: migrations" in result.refusals[0]
        applied.run("ALTER SCHEMA pgmigrate RENAME TO pgmigrate_damaged_1")
        adopted = migrate(applied.settings())
        assert adopted.ok, adopted.text

    def test_grants_and_comments_on_what_goes_do_not_stand_in_the_way(self, applied: Database, first: Contents) -> None:
        applied.run(
            "GRANT SELECT ON project_variants TO PUBLIC; COMMENT ON TABLE project_variants IS 'ours';"
            "COMMENT ON COLUMN project_roles.variant_name IS 'ours too'"
        )

        result = rollback(applied.settings())

        assert result.ok, result.text
        assert same(first, applied) == []

    def test_a_dry_run_shows_what_goes_and_comes_back_and_changes_nothing(self, applied: Database) -> None:
        before = contents_of(applied)

        result = rollback(applied.settings(), execute=False)

        assert result.predicted == ["Rollback"]
        assert "keeps all rows of table project_variants in the quarantine" in result.text
        assert "- column project_roles.variant_name text not null default 'default'::text" in result.text
        assert f"+ index {OLD_RULE} CREATE UNIQUE INDEX {OLD_RULE}" in result.text
        assert contents_of(applied) == before


class TestForwardAgain:
    @pytest.fixture
    def used(self, applied: Database) -> Database:
        """A database whose variants are in use: several a project, the same names across them."""
        applied.run(
            "INSERT INTO project_variants (project_id, variant_name, display_name)"
            " SELECT id, 'trio', 'Trio' FROM projects ORDER BY id LIMIT 10;"
            "UPDATE project_variants SET description = 'ours', sort_order = 5 WHERE is_default;"
            "UPDATE project_roles SET variant_name = 'trio' WHERE project_id IN (SELECT id FROM projects ORDER BY id LIMIT 10);"
            "UPDATE project_equipment_groups SET variant_name = 'trio', name = name || ' trio'"
            " WHERE id IN (SELECT id FROM project_equipment_groups ORDER BY id LIMIT 20)"
        )
        return applied

    def test_everything_is_as_if_nothing_had_happened(self, used: Database) -> None:
        before = application(used)
        assert rollback(used.settings()).ok
        assert same(before, used) != []

        result = migrate(used.settings())

        assert result.ok, result.text
        assert "restored from the quarantine: 10 rows of project_variants" not in result.text
        assert same(before, used) == []
        assert used.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE 'quarantine\\_%'") == []
        assert used.value("SELECT count(*) FROM pgmigrate.quarantines WHERE restored_at IS NULL") == 0
        # No trigger of the application was left out for good.
        assert used.value("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == 0

    def test_twice_there_and_back(self, used: Database) -> None:
        before = application(used)
        for _ in range(2):
            assert rollback(used.settings()).ok
            assert migrate(used.settings()).ok

        assert same(before, used) == []

    def test_rows_deleted_since_stay_deleted_and_changed_ones_keep_their_values(self, used: Database) -> None:
        project = used.value("SELECT id FROM projects ORDER BY id LIMIT 1")
        variants = used.value("SELECT count(*) FROM project_variants WHERE project_id = %s", project)
        assert rollback(used.settings()).ok
        used.session.execute("DELETE FROM projects WHERE id = %s", [project])
        group = used.value("SELECT id FROM project_equipment_groups ORDER BY id LIMIT 1 OFFSET 15")
        used.session.execute("UPDATE project_equipment_groups SET name = 'Newer name' WHERE id = %s", [group])

        result = migrate(used.settings())

        assert result.ok, result.text
        assert f"rows of project_variants; {variants} cannot be, and stay there:" in result.text
        assert result.text.count("what it belongs to is gone, or its key is taken") == variants
        assert used.value("SELECT count(*) FROM project_variants WHERE project_id = %s", project) == 0
        assert used.rows("SELECT name, variant_name FROM project_equipment_groups WHERE id = %s", group) == [
            ("Newer name", "trio")
        ]
        (left,) = used.rows(
            "SELECT id, row_count FROM pgmigrate.quarantines WHERE row_count > 0 AND column_name IS NULL"
        )
        assert used.value(f"SELECT count(*) FROM pgmigrate.quarantine_{left[0]}") == left[1] == variants


def test_a_backup_comes_first_where_it_is_not_left_out(applied: Database, tmp_path: Path) -> None:
    result = rollback(applied.settings(pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups")))

    assert result.ok, result.text
    assert result.changed == ["Backup", "Rollback"]
