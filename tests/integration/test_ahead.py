"""Indexes that come back, built before the cut-over; room for what is copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import on_versions
from tests.support.application import CONSTRAINT, OLD_RULE, application, same
from tests.support.contents import contents_of
from tests.support.harness import migrate, rollback
from tests.support.servers import Database
from tests.support.transactions import QUICK, open_transaction

AHEAD = {"pg_build_from_mib": 0}
DEFERRED = "ALTER TABLE project_equipment_groups ADD CONSTRAINT any_name UNIQUE (project_id, name) DEFERRABLE INITIALLY DEFERRED"


def with_rule(database: Database, rule: str) -> None:
    if rule != "index":
        database.run(f"DROP INDEX {OLD_RULE}")
        database.run(DEFERRED if rule == "deferred" else CONSTRAINT)


@contextmanager
def old_snapshot(database: Database) -> Iterator[None]:
    """A session that keeps every concurrent build waiting."""
    with database.server.connect(database.name, application_name="night report") as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*), pg_sleep(1.1) FROM equipment")
        yield


class TestBuild:
    @on_versions(18)
    @pytest.mark.parametrize("rule", ["index", "constraint", "deferred"])
    def test_comes_before_the_cut_over_and_is_used_there(self, legacy: Database, rule: str) -> None:
        with_rule(legacy, rule)
        before = application(legacy)
        assert migrate(legacy.settings()).ok

        result = rollback(legacy.settings(**AHEAD))

        assert result.ok, result.text
        assert f"building {OLD_RULE if rule == 'index' else 'any_name'} before the cut-over" in result.text
        assert "could not build" not in result.text
        assert same(before, legacy) == []
        assert migrate(legacy.settings()).ok

    def test_is_left_out_on_small_tables(self, applied: Database) -> None:
        assert "before the cut-over" not in rollback(applied.settings()).text

    @pytest.mark.parametrize("rule", ["index", "constraint"])
    @pytest.mark.parametrize("state", ["valid", "invalid"])
    def test_what_a_killed_try_left_is_used_or_replaced(self, legacy: Database, rule: str, state: str) -> None:
        with_rule(legacy, rule)
        before = application(legacy)
        assert migrate(legacy.settings()).ok
        name = OLD_RULE if rule == "index" else "any_name"
        legacy.run(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON project_equipment_groups (project_id, name)")
        if state == "invalid":
            legacy.run(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")

        result = rollback(legacy.settings(**(AHEAD if rule == "index" else {})))

        assert result.ok, result.text
        assert same(before, legacy) == []

    def test_what_a_killed_try_left_goes_with_a_repair(self, applied: Database) -> None:
        before = application(applied)
        applied.run(f"CREATE UNIQUE INDEX CONCURRENTLY {OLD_RULE} ON project_equipment_groups (project_id, name)")

        assert f"there again: index {OLD_RULE}" in migrate(applied.settings()).refusals[0]
        assert migrate(applied.settings(pg_repair=True)).ok

        assert same(before, applied) == []

    def test_is_not_begun_while_somebody_would_keep_it_waiting(self, applied: Database) -> None:
        before = application(applied)

        with old_snapshot(applied):
            result = rollback(applied.settings(**AHEAD, **QUICK, pg_lock_budget_s=1))

        (refusal,) = result.refusals
        assert f"index {OLD_RULE} cannot be built before the cut-over" in refusal
        assert "night report" in refusal
        assert "pg_terminate_backend" in refusal
        assert same(before, applied) == []
        assert rollback(applied.settings(**AHEAD)).ok

    def test_is_taken_back_when_the_cut_over_is_given_up(self, applied: Database) -> None:
        before = application(applied)

        # Whoever has only read holds no snapshot, but the tables.
        with open_transaction(applied, "SELECT 1 FROM project_roles"):
            result = rollback(applied.settings(**AHEAD, **QUICK, pg_lock_budget_s=1))

        assert "building" in result.text
        assert "no lock on" in result.refusals[0]
        assert same(before, applied) == []

    def test_rows_that_break_the_rule_are_found_before_it_is_begun(self, applied: Database) -> None:
        applied.run(
            "INSERT INTO project_equipment_groups (project_id, name, variant_name)"
            " SELECT project_id, name, 'trio' FROM project_equipment_groups ORDER BY id LIMIT 1"
        )
        before = contents_of(applied)

        result = rollback(applied.settings(**AHEAD))

        assert "in table project_equipment_groups would violate the unique rule that is restored" in result.refusals[0]
        assert contents_of(applied) == before
        renamed = rollback(applied.settings(**AHEAD, pg_on_conflict="rename"))
        assert renamed.ok, renamed.text
        assert "before the cut-over" not in renamed.text
