"""The way back: structure line for line, every row kept, refusals before anything is changed."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.copies.restore_log import differences

from tests.conftest import on_versions
from tests.integration.test_running import QUICK, open_transaction
from tests.support.contents import contents_of
from tests.support.harness import migrate, rollback, status
from tests.support.migrations import MIGRATIONS, copied, run_statement
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for
from tests.support.writers import Writers, longest_stall_s

INDEX = "idx_project_equipment_groups_project"
CONSTRAINT = "ALTER TABLE project_equipment_groups ADD CONSTRAINT any_name UNIQUE (project_id, name)"

_first: dict[int, Contents] = {}


def application(database: Database) -> Contents:
    """What the application has: tables and catalog, the registry left out."""
    found = contents_of(database)
    tables = {name: value for name, value in found.tables.items() if not re.match(r"pgmigrate(_damaged_\d+)?\.", name)}
    return Contents(tables, found.large_objects, found.catalog)


def same(before: Contents, database: Database) -> list[str]:
    return list(differences(before, application(database)))


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
            legacy.run(f"DROP INDEX {INDEX}")
        if rule in ("constraint", "both"):
            legacy.run(CONSTRAINT)
        before = application(legacy)
        assert migrate(legacy.settings()).ok

        result = rollback(legacy.settings())

        assert result.ok, result.text
        assert same(before, legacy) == []

    @pytest.mark.parametrize("target", range(1, 6))
    def test_from_each_version(self, legacy: Database, target: int) -> None:
        before = application(legacy)
        assert migrate(legacy.settings(pg_target=target)).ok

        result = rollback(legacy.settings())

        assert result.ok, result.text
        assert same(before, legacy) == []

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
    def test_without_a_registry_by_the_effects(self, legacy: Database, target: int) -> None:
        before = application(legacy)
        assert migrate(legacy.settings(pg_target=target)).ok
        legacy.run("DROP SCHEMA pgmigrate CASCADE")

        result = rollback(legacy.settings())

        assert result.ok, result.text
        assert same(before, legacy) == []

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
        assert f"+ index {INDEX} CREATE UNIQUE INDEX {INDEX}" in result.text
        assert contents_of(applied) == before


class TestQuarantine:
    def test_holds_every_row_and_value_that_goes(self, applied: Database) -> None:
        applied.run(
            "UPDATE project_roles SET variant_name = 'trio' WHERE id IN (SELECT id FROM project_roles ORDER BY id LIMIT 3)"
        )
        variants = applied.rows("SELECT * FROM project_variants ORDER BY id")
        trio = applied.rows("SELECT id, variant_name FROM project_roles WHERE variant_name <> 'default' ORDER BY id")
        assert variants != []

        assert rollback(applied.settings()).ok

        found = {
            (table, column): (place, count)
            for place, table, column, count in applied.rows(
                "SELECT id, table_name, column_name, row_count FROM pgmigrate.quarantines"
            )
        }
        place, count = found["project_variants", None]
        assert (applied.rows(f"SELECT * FROM pgmigrate.quarantine_{place} ORDER BY id"), count) == (
            variants,
            len(variants),
        )
        place, count = found["project_roles", "variant_name"]
        assert (applied.rows(f"SELECT * FROM pgmigrate.quarantine_{place} ORDER BY id"), count) == (trio, 3)
        assert found["project_equipment_groups", "variant_name"][1] == 0
        told = status(applied.settings()).text
        run = applied.value("SELECT min(run_id::text) FROM pgmigrate.quarantines")[:8]
        assert re.search(rf"in the quarantine of run {run}, since [0-9: -]+ \([0-9]+ s\), [1-9][0-9.]* KiB:", told)
        assert f"{len(variants)} rows of project_variants" in told
        assert "3 values of project_roles.variant_name" in told
        assert f"--data pg_quarantine_drop={run}" in told

    def test_is_thrown_away_on_request_only(self, applied: Database) -> None:
        assert rollback(applied.settings()).ok
        run = applied.value("SELECT min(run_id::text) FROM pgmigrate.quarantines")
        drop = applied.settings(pg_quarantine_drop=run[:8])

        refused = status({**drop, "pg_needs_confirm": True})
        wrong = status({**drop, "pg_quarantine_drop": "00000000"})
        assert "could not drop what a rollback kept of database" in refused.refusals[0]
        assert f"Found {run[:8]}; expected the run that pg_quarantine_drop names" in wrong.refusals[0]
        assert applied.value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'quarantine\\_%%'") == 3

        first, second = status(drop), status(drop)

        assert first.ok, first.text
        assert (first.changed, second.unchanged) == (["Drop quarantine"], ["Drop quarantine"])
        assert applied.value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'quarantine\\_%%'") == 0
        assert applied.value("SELECT count(*) FROM pgmigrate.quarantines WHERE dropped_at IS NULL") == 0
        assert "in the quarantine" not in second.text
        # Forward again without it: as on a database that never had any.
        assert migrate(applied.settings()).ok

    def test_wants_room(self, applied: Database) -> None:
        before = application(applied)
        applied.run("UPDATE pg_class SET reltuples = 1e12 WHERE relname = 'project_roles'")

        result = rollback(applied.settings())

        assert "not enough room where the server keeps its data" in result.refusals[0]
        assert same(before, applied) == []
        applied.run("ANALYZE project_roles")
        assert rollback(applied.settings()).ok

    def test_holds_the_row_that_is_committed_while_it_waits(self, applied: Database) -> None:
        count = applied.value("SELECT count(*) FROM project_variants")

        def commit_once_it_waits() -> None:
            wait_for(
                lambda: applied.rows("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"),
                what="the rollback in the queue",
                seconds=30,
            )
            writer.commit()

        with applied.server.connect(applied.name) as writer:
            writer.autocommit = False
            writer.execute(
                "INSERT INTO project_variants (project_id, variant_name, display_name)"
                " SELECT id, 'late', 'Late' FROM projects LIMIT 1"
            )
            committing = threading.Thread(target=commit_once_it_waits)
            committing.start()
            result = rollback(applied.settings(pg_lock_poll_s=0.05, pg_lock_timeout_s=50))
            committing.join()

        assert result.ok, result.text
        assert applied.value("SELECT row_count FROM pgmigrate.quarantines WHERE column_name IS NULL") == count + 1
        assert migrate(applied.settings()).ok
        assert applied.value("SELECT count(*) FROM project_variants WHERE variant_name = 'late'") == 1


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


class TestRefusals:
    def test_rows_that_break_the_rule_are_listed_before_anything_is_done(self, applied: Database) -> None:
        project = applied.value("SELECT id FROM projects LIMIT 1")
        for variant in ("trio", "band"):
            applied.session.execute(
                "INSERT INTO project_equipment_groups (project_id, name, variant_name) VALUES (%s, 'Backline 2', %s)",
                [project, variant],
            )
        before = contents_of(applied)

        result = rollback(applied.settings())

        assert not result.ok
        (refusal,) = result.refusals
        assert (
            "1 duplicate (name, project_id) value in table project_equipment_groups would violate the unique rule"
            in refusal
        )
        assert f"(Backline 2, {project}) in band, trio" in refusal
        assert "--data pg_on_conflict=rename" in refusal
        assert contents_of(applied) == before

    def test_a_view_on_what_goes_is_named_and_not_dropped(self, applied: Database) -> None:
        applied.run("CREATE VIEW theirs AS SELECT * FROM project_variants")
        before = application(applied)

        result = rollback(applied.settings())

        assert not result.ok
        assert (
            "cannot roll back: 1 object created outside these migrations depends on objects that would be dropped"
            in result.refusals[0]
        )
        assert "Found view theirs; expected nothing" in result.refusals[0]
        assert same(before, applied) == []
        assert applied.value("SELECT count(*) FROM pgmigrate.migrations") == 6

    def test_an_index_that_would_go_unnoticed_with_its_column_is_named(self, applied: Database) -> None:
        applied.run("CREATE INDEX theirs ON project_roles (variant_name)")
        before = application(applied)

        result = rollback(applied.settings())

        assert not result.ok
        assert "Found index theirs; expected nothing" in result.refusals[0]
        assert same(before, applied) == []

    def test_a_target_within_a_script_is_refused(self, applied: Database) -> None:
        result = rollback(applied.settings(pg_target=3))

        assert not result.ok
        assert "no script reverts migration 004_validate_migration alone" in result.refusals[0]

    def test_a_blocker_is_named_and_nothing_changed(self, applied: Database) -> None:
        before = application(applied)

        with open_transaction(applied, "SELECT 1 FROM project_roles"):
            result = rollback(applied.settings(**QUICK, pg_lock_budget_s=1))

        assert not result.ok
        assert 'could not apply rollback script "rollback_variants": no lock on' in result.refusals[0]
        assert "night report" in result.refusals[0]
        assert same(before, applied) == []
        assert rollback(applied.settings()).ok

    @pytest.mark.parametrize("server", [17], indirect=True, ids=["pg17"])
    def test_a_long_transaction_is_waited_for_in_short_tries(self, applied: Database) -> None:
        before = applied.catalog()
        variants = applied.rows("SELECT * FROM project_variants ORDER BY id")
        limits = {"pg_lock_timeout_s": 1.5, "pg_lock_poll_s": 0.2, "pg_lock_budget_s": 6}

        def attempt() -> float:
            with open_transaction(applied, "SELECT 1 FROM project_roles"), Writers(applied, count=4) as clients:
                started = time.monotonic()
                result = rollback(applied.settings(**limits))
                took_s = time.monotonic() - started
            assert "night report" in result.refusals[0]
            assert len(re.findall(r"try [0-9]+: a table is locked by process", result.text)) >= 2
            assert clients.errors == []
            # The transaction stays open for as long as that: an end at all shows that it gave up. The rest is the
            # reading before and the last try, on a machine that may have other things to do.
            assert took_s < limits["pg_lock_budget_s"] + 20
            return clients.longest_s

        # The machine's own stalls come on top.
        limit_s = limits["pg_lock_timeout_s"] + 1
        assert longest_stall_s(attempt, limit_s) < limit_s
        assert applied.catalog() == before
        assert applied.rows("SELECT * FROM project_variants ORDER BY id") == variants
        assert applied.value("SELECT count(*) FROM pgmigrate.quarantines") == 0

    def test_the_name_is_wanted_where_group_data_says_so(self, applied: Database) -> None:
        refused = rollback(applied.settings(pg_needs_confirm=True))
        confirmed = rollback(applied.settings(pg_needs_confirm=True, pg_confirm=applied.name))

        assert "could not roll back database" in refused.refusals[0]
        assert confirmed.ok, confirmed.text

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("-- purpose: x\n\nSELECT 1;\n", 'reverts ""'),
            ("-- purpose: x\n-- reverts: 006-001\n\nSELECT 1;\n", 'reverts "006-001"'),
            ("-- purpose: x\n-- reverts: 001-006\n-- phase: data\n\nSELECT 1;\n", 'the key "phase"'),
            ("-- purpose: x\n-- reverts: 001-006\n\nDROP INDEX CONCURRENTLY a;\n", "runs in one transaction"),
            ("-- purpose: x\n-- reverts: 001-006\n\nBEGIN;\n", "BEGIN is not allowed"),
        ],
    )
    def test_a_script_that_breaks_a_rule_is_refused(
        self, legacy: Database, tmp_path: Path, text: str, problem: str
    ) -> None:
        sql = copied(tmp_path)
        (sql / "rollback_variants.sql").write_text(text)

        with pytest.raises(Exception, match=r"rollback_variants\.sql") as caught:
            rollback(legacy.settings(pg_sql_dir=str(sql)))
        assert problem in str(caught.value)


def test_a_backup_comes_first_where_it_is_not_left_out(applied: Database, tmp_path: Path) -> None:
    result = rollback(applied.settings(pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups")))

    assert result.ok, result.text
    assert result.changed == ["Backup", "Rollback"]
