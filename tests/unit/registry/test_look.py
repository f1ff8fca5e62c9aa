"""What a database is asked to describe itself, and how what servers answered is read."""

from __future__ import annotations

from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.psql.answer import Answer, Unreadable
from pyinfra_pgmigrate.registry.look import look, observed_in, watch
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION, Blocker, Observed, OtherRun, Upsert
from pyinfra_pgmigrate.resources import read_sql

from tests.support.captured import VERSIONS, answer, observed
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of
from tests.support.states import STATES

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


class TestScript:
    @pytest.mark.parametrize("queries", [None, {}, {3: "SELECT 1", 4: "SELECT 'it''s'"}])
    def test_nothing_is_changed(self, queries: dict[int, str] | None) -> None:
        script = look(RUN, "public", queries).script

        assert is_balanced(script)
        assert "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;" in script
        assert "COMMIT" not in script
        assert script.endswith("\nROLLBACK;\n")
        *_, (_, inside) = in_transactions(script)
        assert not inside

    def test_the_lines_are_read_anew_only_where_the_fingerprint_is_another(self) -> None:
        script = look(RUN, "public").script
        same, _, anew = script[script.index("\\if :is_same") :].partition("\\else")

        assert "pgmigrate.catalogs" in same
        reading = "set_config('pgmigrate.now', COALESCE(pg_catalog.array_agg(l.line)"
        assert "catalog_text" not in same
        assert reading in values_of(anew[: anew.index("\\endif")], "catalog_text")[0]

    def test_verify_queries_are_asked_of_registered_migrations_alone(self) -> None:
        script = look(RUN, "public", {3: "SELECT 1", 4: "SELECT 'it''s'"}).script

        assert values_of(script, "version") == ["3", "4"]
        assert values_of(script, "verify") == ["SELECT 1", "SELECT 'it''s'"]
        _, _, asked = script.partition("\\if :has_registry\n\\set version")
        assert asked.count("\\if :is_registered") == 2
        assert "\\set verify" not in look(RUN, "public").script

    def test_sessions_of_a_run_are_watched(self) -> None:
        question = watch(RUN, "public")

        assert value_of(question.script, "run_id") == RUN.run_id
        assert question.script.endswith(read_sql("registry/watch").rstrip("\n") + "\n")
        assert question.read(Answer(0, (("watch", [{"pid": 1}]),))) == [{"pid": 1}]
        assert question.read(Answer(0)) == []


@on_each_version
@pytest.mark.parametrize("count", range(1, 7))
def test_a_registry_has_a_row_for_each_migration_that_ran(version: int, count: int) -> None:
    found = observed(version, f"applied-{count}")

    assert found.registry is not None
    assert found.registry.version == REGISTRY_VERSION
    assert {number: row.checksum for number, row in found.applied.items()} == {
        one.version: one.checksum for one in MIGRATIONS[:count]
    }
    assert {row.how for row in found.applied.values()} == {"applied"}
    assert found.registry.drift == Patch()
    assert found.registry.gone_since_first is not None
    first = found.applied[1]
    assert MIGRATIONS[0].effect is not None
    # What really came: what its effect says, besides owners and rights.
    assert set(first.added or ()) >= MIGRATIONS[0].effect.patch.plus


@on_each_version
def test_of_what_was_adopted_nobody_knows_what_it_changed(version: int) -> None:
    rows = observed(version, "adopted-6").applied

    adopted = [row for row in rows.values() if row.how == "adopted"]
    assert adopted
    assert all(row.removed is None and row.added is None for row in adopted)


@on_each_version
def test_without_a_registry_nothing_is_applied(version: int) -> None:
    found = observed(version, "legacy")

    assert (found.registry, found.applied, found.interrupted) == (None, {}, {})
    assert found.server.version_num // 10000 == version
    assert found.server.role in found.server.roles


@on_each_version
@pytest.mark.parametrize(
    ("state", "done", "begun"),
    [("interrupted-1-3", {1, 2}, {3}), ("interrupted-1-4", {1, 2, 3}, {4}), ("interrupted-1-5", {1, 2, 3, 4}, {5})],
)
def test_where_a_run_stopped_is_known_by_its_events(version: int, state: str, done: set[int], begun: set[int]) -> None:
    found = observed(version, state).interrupted

    assert set(found) == {1}
    assert found[1].checksum == MIGRATIONS[0].checksum
    assert found[1].done == done
    assert begun <= found[1].begun


@on_each_version
@pytest.mark.parametrize(
    ("state", "damaged"), [("registry-table-lost", "events"), ("registry-column-lost", "migrations")]
)
def test_a_damaged_registry_counts_as_none(version: int, state: str, damaged: str) -> None:
    found = observed(version, state)

    assert (found.registry, found.damaged) == (None, (damaged,))


@on_each_version
def test_what_a_rollback_kept_is_known(version: int) -> None:
    registry = observed(version, "rolled-back-quarantined").registry

    assert registry is not None
    assert {one.kind for one in registry.quarantines} >= {"table", "row"}
    assert {one.run_id for one in registry.quarantines} <= set(registry.quarantined_runs)


@on_each_version
def test_a_catalog_of_another_form_is_compared_with_nothing(version: int) -> None:
    registry = observed(version, "registry-no-catalogs").registry

    assert registry is not None
    assert (registry.drift, registry.gone_since_first) == (None, None)


@on_each_version
def test_a_run_that_has_not_ended_is_somebody_else_at_work(version: int) -> None:
    found = observed(version, "registry-run-at-work").other_run

    assert found is not None
    assert found.operator
    assert observed(version, "applied-6").other_run is None


def changed(**lines: Any) -> Answer:
    """Returns a captured answer with other lines."""
    before = answer(18, "applied-6")
    kept = tuple(one for one in before.lines if one[0] not in lines)
    return Answer(before.status, (*kept, *lines.items()), before.errors)


def seen(**lines: Any) -> Observed:
    found = observed_in(changed(**lines))
    assert isinstance(found, Observed)
    return found


def test_a_session_at_work_counts_before_what_the_registry_says() -> None:
    told = {"run_id": "1", "operator": "them@there", "at_work": True, "seen_s": 2.5}

    assert seen(at_work=told).other_run == OtherRun("1", "them@there", at_work=True, seen_s=2.5)


def test_statements_of_the_application_are_known_only_where_they_can_be_read() -> None:
    assert seen(upserts=[{"calls": 7, "query": "INSERT ..."}]).upserts == (Upsert(7, "INSERT ..."),)
    assert seen(upserts=[]).upserts == ()
    assert seen(upserts=None).upserts is None


def test_sessions_with_old_snapshots_are_read() -> None:
    told = {
        "pid": 7,
        "user": "app",
        "application": "web",
        "state": "idle in transaction",
        "transaction_s": 60.0,
        "table": "t",
    }

    assert seen(snapshots=[told]).snapshots == (Blocker(7, "app", "web", "idle in transaction", 60.0, "t"),)


def test_a_server_that_is_too_old_is_told_with_its_version() -> None:
    assert observed_in(Answer(0, (("too_old", "14.9"),))) == Unreadable(3, "0A000", "14.9")


def test_a_registry_of_somebody_else_is_not_read_at_all() -> None:
    found = observed_in(
        changed(planted=["view pgmigrate.runs is no plain table", "schema pgmigrate belongs to role x"])
    )

    assert isinstance(found, Unreadable)
    assert (found.status, found.sqlstate) == (3, "55000")
    assert "view pgmigrate.runs is no plain table; schema" in found.message


@pytest.mark.parametrize("missing", ["server", "catalog"])
def test_half_an_answer_is_none(missing: str) -> None:
    whole = answer(18, "applied-6")

    found = observed_in(Answer(0, tuple(one for one in whole.lines if one[0] != missing)))

    assert isinstance(found, Unreadable)


def test_an_answer_of_a_script_that_failed_is_none() -> None:
    errors = "psql:/tmp/x/script.sql:9: ERROR:  42501: permission denied for schema pgmigrate\n"

    found = observed_in(Answer(3, answer(18, "applied-6").lines, errors))

    assert found == Unreadable(3, "42501", "permission denied for schema pgmigrate")


@pytest.mark.parametrize("state", [one for one in STATES if one != "applied-6-as-reader"])
def test_every_captured_answer_describes_a_database(state: str) -> None:
    assert observed(18, state).server.database == "shop"
