"""What a run does about one migration, in words, for captured states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyinfra_pgmigrate.planning.decision import OUTCOME, WORDS, Action, decision_lines, state_of, would

from tests.support.captured import VERSIONS
from tests.support.plans import decision

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


@on_each_version
@pytest.mark.parametrize(
    ("state", "migration", "data", "found", "expected"),
    [
        ("legacy", 1, {}, "pending", "run 5 of 5 statements"),
        ("legacy", 6, {}, "pending", "run 1 of 1 statement"),
        ("applied-2", 3, {}, "pending", "run 1 of 1 statement in batches"),
        # It has no statement: what it is for is its verify query.
        ("legacy", 4, {}, "pending", "verify and register it, run nothing"),
        ("hand-6", 1, {}, "in place, not registered", "register it, run nothing"),
        ("drifted-1-5", 1, {"pg_repair": True}, "drifted", "run 1 of 5 statements"),
        ("interrupted-1-4", 1, {}, "partial", "run 2 of 5 statements"),
        ("verify-3", 3, {}, "to be run again", "run 1 of 1 statement in batches"),
    ],
)
def test_what_is_found_and_what_would_be_done(
    version: int, state: str, migration: int, data: dict[str, Any], found: str, expected: str
) -> None:
    one = decision(state, migration, version, **data)

    assert one.changes
    assert (state_of(one), would(one)) == (found, expected)
    first = next(decision_lines(one))
    assert first == f"{one.migration.name}: {found}, would {expected}"


@pytest.mark.parametrize(("state", "data"), [("applied-6", {}), ("legacy", {"pg_target": 3})])
def test_what_is_applied_or_beyond_the_target_changes_nothing(state: str, data: dict[str, Any]) -> None:
    one = decision(state, 6, **data)

    assert not one.changes
    assert state_of(one) in {"applied", "pending, beyond the target"}


def test_each_action_has_a_word_and_each_that_changes_an_outcome() -> None:
    assert set(WORDS) == set(Action)
    assert set(Action) - set(OUTCOME) == {Action.NONE, Action.HOLD, Action.STOP}
    # Outcomes are what the registry's column "how" knows.
    assert set(OUTCOME.values()) == {"applied", "adopted", "resumed", "repaired"}


@on_each_version
def test_every_statement_is_told_with_its_locks_and_every_line_that_changes(version: int) -> None:
    one = decision("legacy", 1, version)
    lines = list(decision_lines(one))

    assert [line.split(": ")[0] for line in lines if line.startswith("    statement ")] == [
        f"    statement {number}" for number in range(1, 6)
    ]
    assert "        lock AccessExclusiveLock on project_roles" in lines
    assert "        lock ShareUpdateExclusiveLock on project_equipment_groups" in lines
    assert lines[-len(one.patch.plus) :] == [f"    + {line}" for line in sorted(one.patch.plus)]


def test_statements_that_are_not_run_are_not_told() -> None:
    lines = list(decision_lines(decision("drifted-1-5", 1, pg_repair=True)))

    assert [line.split(": ")[0] for line in lines if line.startswith("    statement ")] == ["    statement 5"]


def test_why_is_told_where_the_action_does_not_say_it_all() -> None:
    one = decision("hand-6", 1)

    assert one.reason
    assert list(decision_lines(one))[1] == f"    because: {one.reason}"
    assert not any("because" in line for line in decision_lines(replace(one, reason="")))


def test_tables_that_are_written_anew_are_named() -> None:
    one = decision("legacy", 1)
    effect = one.migration.effect
    assert effect is not None
    first, *others = effect.statements
    anew = replace(one.migration, effect=replace(effect, statements=(replace(first, rewrites=("projects",)), *others)))

    lines = list(decision_lines(replace(one, migration=anew)))

    assert lines.count("        rewrites every row of projects") == 1


def test_one_that_is_refused_is_not_told_as_applied() -> None:
    refused = replace(decision("legacy", 1), action=Action.NONE, statements=(), row=None)

    assert (state_of(refused), would(refused)) == ("refused", "run nothing")
    assert state_of(decision("applied-2", 1)) == "applied"
