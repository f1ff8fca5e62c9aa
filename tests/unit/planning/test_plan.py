"""The decision table on what servers answered in named states (tests/captured): no server."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.planning.decision import Action, Decision
from pyinfra_pgmigrate.planning.plan import Plan, make_plan, to_ask
from pyinfra_pgmigrate.planning.state import in_order
from pyinfra_pgmigrate.planning.timeline import Timeline, standing
from pyinfra_pgmigrate.psql.answer import Unreadable
from pyinfra_pgmigrate.psql.connection_errors import unreadable
from pyinfra_pgmigrate.registry.look import observed_in
from pyinfra_pgmigrate.registry.model import Observed, Upsert
from pyinfra_pgmigrate.settings import read_settings

from tests.support.captured import VERSIONS, answer, observed, verified
from tests.support.migrations import MIGRATIONS
from tests.support.states import STATES, UNDO
from tests.unit.planning.expected import BY_HAND, REGISTERED, SETTINGS

WORDS = {
    Action.NONE: "none",
    Action.APPLY: "apply",
    Action.RESUME: "resume",
    Action.ADOPT: "adopt",
    Action.REPAIR: "repair",
    Action.CONVERGE: "again",
    Action.HOLD: "hold",
    Action.STOP: "stop",
}

# Where each database stands: the number of migrations that have run, as far as the structure tells.
PLACES = {
    **dict.fromkeys(("empty", "legacy", "second", "odd-legacy", "rule-renamed", "rolled-back"), 0),
    # Databases of which the old rule is gone may never have had it: 006 cannot be seen.
    **{"hand-1": 1, "hand-2": 2, "hand-3": 2, "hand-4": 2, "hand-5": 5, "hand-6": 5, "registry-lost": 5},
    **{f"applied-{count}": count for count in range(1, 7)},
    **{"adopted-3": 3, "adopted-6": 6, "second-applied": 6, "odd": 6},
}

# Its role may not look into the registry.
UNREADABLE = "applied-6-as-reader"

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


def plan_of(version: int, state: str, *, seen: Observed | None = None, **data: Any) -> Plan:
    """Returns the plan as ``DatabaseSession.plan`` comes to it: verify queries are asked where their answer counts."""
    if seen is None and not data:
        return _plan_of(version, state)
    return _decided(version, state, observed(version, state) if seen is None else seen, data)


@cache
def _plan_of(version: int, state: str) -> Plan:
    return _decided(version, state, observed(version, state), {})


def _decided(version: int, state: str, found: Observed, data: dict[str, Any]) -> Plan:
    settings = read_settings({"pg_database": "shop", **data})
    first = make_plan(MIGRATIONS, found, settings, {})
    queries = to_ask(first)
    if not queries:
        return first
    answers = verified(version, state)
    return make_plan(MIGRATIONS, found, settings, {one: answers[one] for one in queries})


def word(decision: Decision) -> str:
    every = tuple(one.number for one in decision.migration.statements)
    said = WORDS[decision.action]
    partial = decision.changes and decision.action is not Action.ADOPT and decision.statements != every
    if decision.action is Action.CONVERGE or not partial:
        return said
    return f"{said}({','.join(map(str, decision.statements))})"


def words(found: Plan) -> str:
    if found.refusals:
        return "refused: " + " ".join(sorted({one.kind.value for one in found.refusals}))
    return " ".join(map(word, found.decisions))


@on_each_version
@pytest.mark.parametrize(("state", "expected"), BY_HAND.items(), ids=str)
def test_by_hand(version: int, state: str, expected: str) -> None:
    assert words(plan_of(version, state)) == expected


@on_each_version
@pytest.mark.parametrize(("state", "expected"), REGISTERED.items(), ids=str)
def test_with_a_registry(version: int, state: str, expected: str) -> None:
    assert words(plan_of(version, state)) == expected


@on_each_version
@pytest.mark.parametrize(("state", "data", "expected"), SETTINGS, ids=str)
def test_as_the_operator_says(version: int, state: str, data: dict[str, Any], expected: str) -> None:
    assert words(plan_of(version, state, **data)) == expected


@on_each_version
@pytest.mark.parametrize(("state", "place"), PLACES.items(), ids=str)
def test_where_a_database_stands(version: int, state: str, place: int) -> None:
    found = observed(version, state)
    registered = sum(one.version in found.applied for one in MIGRATIONS)
    timeline = Timeline(in_order(MIGRATIONS, found.applied))

    assert standing(timeline, found.catalog.lines, first=registered).place == place


@on_each_version
@pytest.mark.parametrize(
    ("query", "release", "expected"),
    [
        ("INSERT INTO project_equipment_groups (project_id, name) VALUES ($1, $2) ON CONFLICT (project_id, name) DO NOTHING", False, "hold"),
        ("INSERT INTO project_equipment_groups (project_id, name) VALUES ($1, $2) ON CONFLICT (project_id, name) DO NOTHING", True, "apply"),
        ("INSERT INTO project_equipment_groups (project_id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", False, "apply"),
        ("INSERT INTO equipment (id, name) VALUES ($1, $2) ON CONFLICT (project_id, name) DO NOTHING", False, "apply"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["legacy", "applied-5", "rule-renamed", "rule-constraint"])
def test_a_rule_that_the_application_names_is_kept(
    version: int, state: str, query: str, release: bool, expected: str
) -> None:
    seen = replace(observed(version, state), upserts=(Upsert(7, query),))

    found = plan_of(version, state, seen=seen, pg_release=release)

    assert words(found).split()[-1] == expected


@pytest.mark.parametrize("state", [one for one in STATES if one != UNREADABLE])
def test_all_versions_are_decided_alike(state: str) -> None:
    found = {words(plan_of(version, state)) for version in VERSIONS}

    assert len(found) == 1


@on_each_version
@pytest.mark.parametrize("state", [*BY_HAND, *REGISTERED])
def test_what_runs_ends_where_the_migrations_lead(version: int, state: str) -> None:
    """But for what each database has of its own: the old rule, and the order of what is there."""
    found = plan_of(version, state)
    if found.refusals:
        return
    lines = set(observed(version, state).catalog.lines)
    for decision in found.decisions:
        lines = (lines - decision.patch.minus) | decision.patch.plus
    made = {line for one in MIGRATIONS if one.effect is not None for line in one.effect.patch.plus}

    assert made <= lines
    assert not any(line.startswith("index idx_project_equipment_groups_project CREATE") for line in lines)


@on_each_version
@pytest.mark.parametrize("state", [*BY_HAND, *REGISTERED])
def test_every_refusal_has_three_lines_and_names_what_it_found(version: int, state: str) -> None:
    for refusal in plan_of(version, state).refusals:
        assert re.fullmatch(r"\S.*[^.]", refusal.message)
        assert re.fullmatch(r"Found .*; expected .*\.|Found .*", refusal.detail, re.DOTALL)
        assert refusal.hint


@on_each_version
def test_a_schema_that_is_not_there_is_told_first(version: int) -> None:
    first, *_ = plan_of(version, "legacy-nowhere", pg_schema="nowhere").refusals

    assert first.kind is Kind.UNREADABLE
    assert 'could not find schema "nowhere"' in first.message


def test_a_state_is_there_for_every_statement() -> None:
    assert set(UNDO) == {(one.version, statement.number) for one in MIGRATIONS for statement in one.statements}


@on_each_version
def test_a_registry_that_the_role_may_not_read_is_no_registry_that_is_not_there(version: int) -> None:
    found = observed_in(answer(version, UNREADABLE))

    assert isinstance(found, Unreadable)
    refusal = unreadable(found, host="a", connection=read_settings({"pg_database": "shop"}).connection)
    assert refusal.kind is Kind.PRIVILEGE
    assert "GRANT USAGE ON SCHEMA pgmigrate" in refusal.hint
