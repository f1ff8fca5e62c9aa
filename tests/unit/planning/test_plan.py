"""The decision table on what servers answered in named states (tests/captured): no server.

What is expected is what an operator would want (see the table in ``plan``), written by hand: a word for each of the
six migrations, with the statements where it is not all of them; or the kinds of the refusals.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.planning.decision import Action, Decision
from pyinfra_pgmigrate.planning.plan import Plan, make_plan, to_ask
from pyinfra_pgmigrate.planning.state import in_order
from pyinfra_pgmigrate.planning.timeline import Timeline, standing
from pyinfra_pgmigrate.psql.answer import Unreadable
from pyinfra_pgmigrate.psql.connection_errors import unreadable
from pyinfra_pgmigrate.registry.look import observed_in
from pyinfra_pgmigrate.registry.model import Observed, Upsert
from pyinfra_pgmigrate.report.status import status_parts, summary
from pyinfra_pgmigrate.settings import read_settings

from tests.support.captured import VERSIONS, answer, observed, verified
from tests.support.migrations import MIGRATIONS
from tests.support.states import STATES, UNDO

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
PENDING = " ".join(["apply"] * 6)
IN_PLACE = "adopt adopt adopt apply adopt adopt"
APPLIED = " ".join(["none"] * 6)

# Databases that no run of ours has seen. 004 has no statements: it is registered as applied wherever it is pending.
BY_HAND = {
    "empty": "refused: needs",
    "legacy": PENDING,
    "second": PENDING,
    "odd-legacy": PENDING,
    "hand-1": "adopt apply apply apply apply apply",
    # 002 has a statement without a trace and 003 nothing else: their verify queries say whether they ran.
    "hand-2": "adopt adopt apply apply apply apply",
    "hand-3": "adopt adopt adopt apply apply apply",
    "hand-4": "adopt adopt adopt apply apply apply",
    "hand-5": "adopt adopt adopt apply adopt apply",
    "hand-6": IN_PLACE,
    # The old rule is gone, as 006 wants it; as long as nothing runs before it, its verify query can say so. Else it
    # is run: it looks for the rule by what that says, and finds none.
    # One statement missing, with what stood on it. 002 says that its statements may run twice: 8 leaves no trace.
    "missing-1-1": "resume(1,3,4) adopt adopt apply resume(1) apply",
    "missing-1-2": "resume(2,5) adopt adopt apply resume(2) apply",
    "missing-1-3": "resume(3) adopt adopt apply adopt apply",
    "missing-1-4": "resume(4) adopt adopt apply adopt apply",
    "missing-1-5": "resume(5) adopt adopt apply adopt apply",
    "missing-2-1": "adopt resume(1,2,3,5,6,7,8) apply apply adopt apply",
    "missing-2-2": "adopt resume(2,8) adopt apply adopt apply",
    "missing-2-3": "adopt resume(3,8) adopt apply adopt apply",
    "missing-2-4": "adopt resume(4,5,8) adopt apply adopt apply",
    "missing-2-5": "adopt resume(5,8) adopt apply adopt apply",
    "missing-2-6": "adopt resume(6,8) adopt apply adopt apply",
    "missing-2-7": "adopt resume(7,8) adopt apply adopt apply",
    "missing-2-8": "adopt apply(8) adopt apply adopt apply",
    "missing-3-1": "adopt adopt apply apply adopt apply",
    "missing-5-1": "adopt adopt adopt apply resume(1) apply",
    "missing-5-2": "adopt adopt adopt apply resume(2) apply",
    "missing-6-1": "adopt adopt adopt apply adopt apply",
    # One statement alone, with what it needs.
    "alone-1-1": "resume(2,3,4,5) apply apply apply apply apply",
    "alone-1-2": "resume(1,3,4,5) apply apply apply apply apply",
    "alone-1-3": "resume(2,4,5) apply apply apply apply apply",
    "alone-1-4": "resume(2,3,5) apply apply apply apply apply",
    "alone-1-5": "resume(1,3,4) apply apply apply apply apply",
    "alone-2-1": "apply resume(2,3,4,5,6,7,8) apply apply apply apply",
    "alone-2-2": "apply resume(3,4,5,6,7,8) apply apply apply apply",
    "alone-2-3": "apply resume(2,4,5,6,7,8) apply apply apply apply",
    "alone-2-4": "apply resume(1,2,3,5,6,7,8) apply apply apply apply",
    "alone-2-5": "apply resume(2,3,6,7,8) apply apply apply apply",
    "alone-2-6": "apply resume(2,3,4,5,7,8) apply apply apply apply",
    "alone-2-7": "apply resume(2,3,4,5,6,8) apply apply apply apply",
    "alone-2-8": "apply resume(2,3,5,6,7,8) apply apply apply apply",
    "alone-3-1": "adopt adopt adopt apply apply apply",
    "alone-5-1": "adopt apply apply apply resume(2) apply",
    "alone-5-2": "adopt apply apply apply resume(1) apply",
    "alone-6-1": PENDING,
    # Something else of that name.
    "conflict-column": "refused: conflict",
    "conflict-index": "refused: conflict",
    "conflict-table": "refused: conflict",
    "conflict-view": "refused: conflict",
    "conflict-function": "refused: conflict",
    # The old rule by another name, in another form, or not there at all.
    "rule-renamed": PENDING,
    "rule-constraint": PENDING,
    "rule-absent": PENDING,
    "hand-6-rule-back": "adopt adopt adopt apply adopt apply",
    "hand-6-invalid": "resume(5) adopt adopt apply adopt apply",
    "legacy-no-table": "refused: needs",
    "legacy-as-reader": "refused: privilege",
    "verify-3-adopted": "adopt adopt apply apply adopt apply",
    "verify-4-pending": "adopt adopt adopt apply apply apply",
}

# Databases with a registry.
REGISTERED = {
    "applied-1": "none apply apply apply apply apply",
    "applied-2": "none none apply apply apply apply",
    "applied-3": "none none none apply apply apply",
    "applied-4": "none none none none apply apply",
    "applied-5": "none none none none none apply",
    "applied-6": APPLIED,
    "second-applied": APPLIED,
    "odd": APPLIED,
    "adopted-3": "none none none apply apply apply",
    "adopted-6": APPLIED,
    "resumed-6": APPLIED,
    "rule-renamed-applied": APPLIED,
    "rule-constraint-applied": APPLIED,
    "rule-absent-applied": APPLIED,
    "used": APPLIED,
    # A run of ours stopped: it goes on just there.
    "interrupted-1-3": "resume(3,4,5) apply apply apply apply apply",
    "interrupted-1-4": "resume(4,5) apply apply apply apply apply",
    "interrupted-1-5": "resume(5) apply apply apply apply apply",
    "interrupted-5-2": "none none none none resume(2) apply",
    "interrupted-1-5-undone": "refused: conflict",
    "interrupted-1-5-done": "resume() apply apply apply apply apply",
    "interrupted-1-5-changed": "resume(5) apply apply apply apply apply",
    # A registry that somebody had a hand in.
    "registry-lost": IN_PLACE,
    "registry-table-lost": "refused: registry",
    "registry-column-lost": "refused: registry",
    "registry-newer": "refused: registry",
    "registry-without-3": "refused: order",
    "registry-without-5": "refused: order",
    "registry-without-6": "none none none none none adopt",
    "registry-changed-5": "refused: changed",
    "registry-gone-7": "refused: order",
    "registry-run-at-work": APPLIED,
    "registry-no-catalogs": APPLIED,
    "older-5": "refused: order",
    "registry-1": APPLIED,
    "registry-2": APPLIED,
    "registry-3": APPLIED,
    "registry-4": APPLIED,
    "registry-5": APPLIED,
    # Taken back.
    "rolled-back": PENDING,
    "rolled-back-renamed": PENDING,
    "rolled-back-quarantined": PENDING,
    "rolled-back-forward": APPLIED,
    # Drift of what a migration made is refused; rows that a data migration is for are its to do again.
    **{f"drifted-{version}-{number}": "refused: drift" for version, number in UNDO if version != 3},
    "drifted-3-1": "none none again again none none",
    "drifted-invalid": "refused: drift",
    "drifted-type": "refused: drift",
    "drifted-old-column": APPLIED,
    "verify-3": "none none again again none none",
    "verify-4": "refused: verify",
}

# (state, host data) -> what a run decides.
SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("legacy", {"pg_target": 3}, "apply apply apply stop stop stop"),
    ("legacy", {"pg_target": 6}, PENDING),
    ("legacy", {"pg_target": 9}, "refused: settings"),
    ("applied-3", {"pg_target": 3}, "none none none stop stop stop"),
    ("applied-3", {"pg_target": 2}, "refused: settings"),
    ("applied-6", {"pg_target": 3}, "refused: settings"),
    ("hand-6", {"pg_target": 3}, "adopt adopt adopt stop stop stop"),
    ("legacy", {"pg_phase": "preparation"}, "stop stop stop stop stop stop"),
    ("legacy", {"pg_phase": "schema"}, "apply apply stop stop stop stop"),
    ("legacy", {"pg_phase": "data"}, "apply apply apply stop stop stop"),
    ("legacy", {"pg_phase": "validation"}, "apply apply apply apply apply stop"),
    ("legacy", {"pg_phase": "contract"}, PENDING),
    ("applied-6", {"pg_phase": "schema"}, APPLIED),
    # The operator's word for what ran by other means. A verify query that finds problems weighs more.
    ("legacy", {"pg_applied": 0}, PENDING),
    ("hand-1", {"pg_applied": 1}, "adopt apply apply apply apply apply"),
    ("hand-2", {"pg_applied": 2}, "adopt adopt apply apply apply apply"),
    ("hand-2", {"pg_applied": 3}, "adopt adopt apply apply apply apply"),
    ("hand-3", {"pg_applied": 3}, "adopt adopt adopt apply apply apply"),
    ("hand-5", {"pg_applied": 5}, "adopt adopt adopt apply adopt apply"),
    ("hand-6", {"pg_applied": 6}, IN_PLACE),
    # What is said to have run is there; what is there besides is decided as ever.
    ("hand-6", {"pg_applied": 5}, IN_PLACE),
    ("hand-6", {"pg_applied": 1}, IN_PLACE),
    ("legacy", {"pg_applied": 6}, "refused: conflict"),
    ("legacy", {"pg_applied": 9}, "refused: settings"),
    ("applied-3", {"pg_applied": 5}, "refused: conflict"),
    ("applied-6", {"pg_applied": 6}, APPLIED),
    ("registry-without-3", {"pg_out_of_order": True}, "none none adopt none none none"),
    ("registry-without-5", {"pg_out_of_order": True}, "none none none none adopt none"),
    ("older-5", {"pg_out_of_order": True}, "none none none none apply none"),
    # What a repair runs again. Statements without a trace ran when it was applied, unless a verify query finds problems.
    ("applied-6", {"pg_repair": True}, APPLIED),
    ("drifted-1-1", {"pg_repair": True}, "repair(1,3,4) none none again repair(1) none"),
    ("drifted-1-2", {"pg_repair": True}, "repair(2,5) none none again repair(2) none"),
    ("drifted-1-3", {"pg_repair": True}, "repair(3) none none none none none"),
    ("drifted-1-4", {"pg_repair": True}, "repair(4) none none none none none"),
    ("drifted-1-5", {"pg_repair": True}, "repair(5) none none none none none"),
    ("drifted-2-1", {"pg_repair": True}, "none repair(1,2,3,5,6,7,8) again again none none"),
    ("drifted-2-2", {"pg_repair": True}, "none repair(2,8) none none none none"),
    ("drifted-2-3", {"pg_repair": True}, "none repair(3,8) none none none none"),
    ("drifted-2-4", {"pg_repair": True}, "none repair(4,5,8) none none none none"),
    ("drifted-2-5", {"pg_repair": True}, "none repair(5,8) none none none none"),
    ("drifted-2-6", {"pg_repair": True}, "none repair(6,8) none none none none"),
    ("drifted-2-7", {"pg_repair": True}, "none repair(7,8) none none none none"),
    ("drifted-2-8", {"pg_repair": True}, "none repair(8) none none none none"),
    ("drifted-3-1", {"pg_repair": True}, "none none again again none none"),
    ("drifted-5-1", {"pg_repair": True}, "none none none none repair(1) none"),
    ("drifted-5-2", {"pg_repair": True}, "none none none none repair(2) none"),
    ("drifted-6-1", {"pg_repair": True}, "none none none none none repair"),
    ("drifted-invalid", {"pg_repair": True}, "repair(5) none none none none none"),
    ("drifted-type", {"pg_repair": True}, "refused: conflict"),
    ("verify-4", {"pg_repair": True}, "refused: verify"),
]

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


VERDICTS = {
    "legacy": "pending",
    "applied-3": "pending",
    "applied-6": "good",
    "second-applied": "good",
    "odd": "good",
    "hand-6": "pending",
    "drifted-1-3": "drift",
    "drifted-old-column": "drifted",
    "registry-table-lost": "registry",
    "registry-run-at-work": "run at work",
    "conflict-table": "conflict",
    "extended-view": "extra",
}


@on_each_version
@pytest.mark.parametrize(("state", "verdict"), VERDICTS.items(), ids=str)
def test_the_verdict_in_one_line(version: int, state: str, verdict: str) -> None:
    seen = observed(version, state)
    drifts = find_drift(seen, MIGRATIONS)

    found = summary("a", "shop", seen, plan_of(version, state), MIGRATIONS, drifts, strict=False)

    assert (found.verdict, found.server, found.role) == (verdict, str(version), "primary")


@on_each_version
@pytest.mark.parametrize("state", [*BY_HAND, *REGISTERED])
def test_the_state_at_a_glance_fits_a_terminal(version: int, state: str) -> None:
    seen = observed(version, state)
    parts = status_parts(seen, plan_of(version, state), MIGRATIONS, find_drift(seen, MIGRATIONS))
    lines = [line for part in parts for line in part.lines]

    assert lines[1] == f"{sum(one.version in seen.applied for one in MIGRATIONS)} of 6 migrations applied"
    assert len(lines) >= 10
