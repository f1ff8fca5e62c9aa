"""The way back, planned on what servers answered in named states (tests/captured): no server."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.lines import is_own, key_of
from pyinfra_pgmigrate.errors import Kind, Refusal
from pyinfra_pgmigrate.report.console import rollback_lines
from pyinfra_pgmigrate.rollback.plan import conflicts_of, make_rollback, resolving
from pyinfra_pgmigrate.rollback.scripts import load_rollbacks
from pyinfra_pgmigrate.rollback.turn import Rollback

from tests.support.captured import VERSIONS, observed, obstructions
from tests.support.migrations import MIGRATIONS
from tests.support.servers import SQL
from tests.support.states import UNDO

SCRIPTS = load_rollbacks(SQL)
RULE = "index idx_project_equipment_groups_project CREATE UNIQUE INDEX idx_project_equipment_groups_project ON project_equipment_groups USING btree (project_id, name)"
CONSTRAINT = "constraint project_equipment_groups.one_name UNIQUE (name, project_id)"

# Where a rollback leads: to the catalog of another state. The columns of a table have no order there.
LEADS_TO = {
    **{f"applied-{count}": "legacy" for count in range(1, 7)},
    **{f"hand-{count}": "legacy" for count in range(1, 7)},
    **{f"alone-{version}-{number}": "legacy" for version, number in UNDO if version != 6},
    **{f"missing-{version}-{number}": "legacy" for version, number in UNDO if (version, number) != (2, 8)},
    **{f"drifted-{version}-{number}": "legacy" for version, number in UNDO if (version, number) != (2, 8)},
    **dict.fromkeys(("adopted-3", "adopted-6", "resumed-6", "rolled-back-forward", "used"), "legacy"),
    **dict.fromkeys(("interrupted-1-3", "interrupted-1-4", "interrupted-1-5", "interrupted-5-2"), "legacy"),
    **dict.fromkeys(("registry-lost", "registry-table-lost", "registry-column-lost", "registry-without-3"), "legacy"),
    **dict.fromkeys(("registry-without-5", "registry-without-6", "registry-no-catalogs", "registry-1"), "legacy"),
    **dict.fromkeys(("verify-3", "verify-4", "hand-6-invalid", "drifted-invalid", "older-5"), "legacy"),
    **{f"rule-{name}-applied": f"rule-{name}" for name in ("renamed", "constraint", "absent")},
    "second-applied": "second",
    "odd": "odd-legacy",
}
# The rule that went comes back; where it has not gone, or was never there, nothing does.
COMES_BACK = {
    "applied-5": set(),
    "applied-6": {RULE},
    "adopted-6": {RULE},
    "hand-5": set(),
    "hand-6": {RULE},
    "registry-lost": {RULE},
    "missing-6-1": set(),
    "hand-6-rule-back": set(),
    "rule-constraint-applied": {CONSTRAINT},
    "rule-absent-applied": set(),
}
NOTHING_TO_GO = (
    "empty", "legacy", "second", "odd-legacy", "rolled-back", "rolled-back-quarantined", "rule-renamed", "rule-absent",
    "conflict-column", "conflict-index",
)  # fmt: skip
REVERTED = {
    **{f"applied-{count}": list(range(count, 0, -1)) for count in range(1, 7)},
    "adopted-3": [3, 2, 1],
    "interrupted-1-4": [1],
    "interrupted-5-2": [5, 4, 3, 2, 1],
    "hand-1": [1],
    "alone-1-2": [1],
    "alone-5-1": [5, 1],
    "registry-without-5": [6, 5, 4, 3, 2, 1],
}

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


@cache
def rollback_of(version: int, state: str, target: int | None = None) -> Rollback | Refusal | None:
    return make_rollback(MIGRATIONS, SCRIPTS, observed(version, state), target)


def planned(version: int, state: str, target: int | None = None) -> Rollback:
    found = rollback_of(version, state, target)
    assert isinstance(found, Rollback), found
    return found


def without_orders(lines: Any) -> set[str]:
    return {line for line in lines if not line.startswith("definition ")}


@on_each_version
@pytest.mark.parametrize(("state", "other"), LEADS_TO.items(), ids=str)
def test_it_leads_to_what_was_before(version: int, state: str, other: str) -> None:
    found = planned(version, state)
    lines = (observed(version, state).catalog.lines - found.patch.minus) | found.patch.plus

    assert without_orders(lines) ^ without_orders(observed(version, other).catalog.lines) == set()


@on_each_version
@pytest.mark.parametrize(("state", "expected"), COMES_BACK.items(), ids=str)
def test_only_what_really_went_comes_back(version: int, state: str, expected: set[str]) -> None:
    assert planned(version, state).patch.plus == expected


@on_each_version
@pytest.mark.parametrize("state", NOTHING_TO_GO)
def test_nothing_is_to_go(version: int, state: str) -> None:
    assert rollback_of(version, state) is None


@on_each_version
@pytest.mark.parametrize(("state", "expected"), REVERTED.items(), ids=str)
def test_which_migrations_go_newest_first(version: int, state: str, expected: list[int]) -> None:
    assert [one.version for one in planned(version, state).reverted] == expected


@on_each_version
@pytest.mark.parametrize(
    ("state", "tables", "columns"),
    [
        ("applied-1", [], ["project_equipment_groups", "project_roles"]),
        ("applied-6", ["project_variants"], ["project_equipment_groups", "project_roles"]),
        ("hand-6", ["project_variants"], ["project_equipment_groups", "project_roles"]),
        ("alone-1-2", [], ["project_roles"]),
        ("alone-2-1", ["project_variants"], []),
        ("alone-2-4", [], []),
        ("second-applied", ["project_variants"], ["project_equipment_groups", "project_roles"]),
    ],
)
def test_rows_and_values_that_go_are_kept(version: int, state: str, tables: list[str], columns: list[str]) -> None:
    found = planned(version, state)

    assert list(found.tables) == tables
    assert list(found.columns) == [(table, "variant_name") for table in columns]


@on_each_version
@pytest.mark.parametrize(
    ("state", "target", "kind"),
    [
        ("applied-6", 3, Kind.ORDER),
        ("applied-6", 5, Kind.ORDER),
        ("applied-3", 1, Kind.ORDER),
        ("drifted-type", None, Kind.CONFLICT),
        ("conflict-table", None, Kind.CONFLICT),
        ("conflict-function", None, None),
        ("applied-6", 6, None),
        ("applied-3", 3, None),
    ],
)
def test_what_no_script_can_do_is_refused(version: int, state: str, target: int | None, kind: Kind | None) -> None:
    found = rollback_of(version, state, target)

    assert (found.kind if isinstance(found, Refusal) else found) == kind


def test_a_target_that_is_no_migration_is_refused() -> None:
    found = make_rollback(MIGRATIONS, SCRIPTS, observed(18, "applied-6"), 99)

    assert isinstance(found, Refusal)
    assert found.kind is Kind.SETTINGS
    assert found.detail == "Found pg_target 099; expected 0 or one of 001, 002, 003, 004, 005, 006."


def test_what_a_draft_left_to_do_is_told_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "rollback_all.sql").write_text(
        "-- purpose: back\n-- reverts: 001-006\n\n-- TODO: table tree is not there again\n\nSELECT;\n"
    )

    found = make_rollback(MIGRATIONS, load_rollbacks(tmp_path), observed(18, "applied-6"), None)

    assert isinstance(found, Rollback)
    assert '    warning: rollback_all.sql still says "TODO: table tree is not there again"' in rollback_lines(found)


def test_without_a_script_it_is_refused() -> None:
    found = make_rollback(MIGRATIONS, (), observed(18, "applied-6"), None)

    assert isinstance(found, Refusal)
    assert found.kind is Kind.FILE


@on_each_version
@pytest.mark.parametrize(
    ("state", "damaged"),
    [("registry-table-lost", ("events",)), ("registry-column-lost", ("migrations",)), ("applied-6", ())],
)
def test_a_damaged_registry_is_put_aside(version: int, state: str, damaged: tuple[str, ...]) -> None:
    assert planned(version, state).damaged == damaged


def resolved(version: int, state: str, *, on_conflict: str = "abort", keeps: bool = False) -> Rollback | Refusal:
    found, way = planned(version, state), obstructions(version, state)
    return resolving(
        found,
        observed(version, state).catalog,
        conflicts_of(found, way.conflicts),
        way.dependents,
        on_conflict=on_conflict,
        keeps_dependents=keeps,
        table_bytes=way.table_bytes,
        needed_bytes=way.needed_bytes,
    )


@on_each_version
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("state", ["applied-2", "applied-6", "adopted-6", "second-applied", "rule-constraint-applied"])
def test_nothing_stands_in_the_way(version: int, state: str, keeps: bool) -> None:
    found = resolved(version, state, keeps=keeps)

    assert isinstance(found, Rollback), found
    assert found.conflicts == ()
    # Rights that 002 gave after those of projects are this database's own, and given again on the way forward.
    assert all(one.gone == "" and one.object.startswith("owner, grants and comment of ") for one in found.kept)
    assert (len(found.kept) > 0) is (state == "second-applied")


@on_each_version
def test_rows_that_break_the_old_rule_are_refused_with_their_names(version: int) -> None:
    found = resolved(version, "used")

    assert isinstance(found, Refusal)
    assert found.kind is Kind.CONFLICT
    assert (
        "50 duplicate (name, project_id) values in table project_equipment_groups would violate the unique rule"
        in found.message
    )
    assert "pg_on_conflict=rename" in found.hint


@on_each_version
@pytest.mark.parametrize("on_conflict", ["rename", "quarantine"])
def test_rows_that_break_the_old_rule_give_way(version: int, on_conflict: str) -> None:
    found = resolved(version, "used", on_conflict=on_conflict)

    assert isinstance(found, Rollback), found
    (conflict,) = found.conflicts
    assert (conflict.count, conflict.stuck, conflict.rows) == (50, 0, 100)
    locked = {lock.relation for lock in found.decision.migration.effect.statements[0].locks}  # type: ignore[union-attr]
    # What points at moved rows moves with them.
    assert ("project_equipment" in locked) is (on_conflict == "quarantine")


# What others built, and whether it can be made again on the way forward.
BUILT = {
    "view": ("view theirs", True),
    "foreign-key": ("constraint theirs.theirs_variant_fkey", True),
    "index": ("index theirs", True),
    "trigger": ("trigger project_variants.theirs", True),
    "policy": ("policy project_roles.theirs", True),
    "column": ("column project_variants.theirs", False),
}


@on_each_version
@pytest.mark.parametrize(("name", "key"), [(name, key) for name, (key, _) in BUILT.items()])
def test_what_others_built_is_refused_by_name(version: int, name: str, key: str) -> None:
    found = resolved(version, f"extended-{name}")

    assert isinstance(found, Refusal)
    assert found.kind is Kind.DEPENDENT
    assert key in found.detail


@on_each_version
@pytest.mark.parametrize(("name", "key", "again"), [(name, *value) for name, value in BUILT.items()])
def test_what_others_built_is_kept_where_it_can_be_made_again(version: int, name: str, key: str, again: bool) -> None:
    found = resolved(version, f"extended-{name}", keeps=True)

    if not again:
        assert isinstance(found, Refusal)
        assert key in found.detail
        return
    assert isinstance(found, Rollback), found
    (kept,) = found.kept
    assert kept.object == key
    assert (
        kept.lines
        >= {line for line in observed(version, f"extended-{name}").catalog.lines if key_of(line) == key}
        - observed(version, "applied-6").catalog.lines
    )
    assert kept.statements


@pytest.mark.parametrize("state", sorted({*LEADS_TO, *REVERTED}))
def test_all_versions_are_planned_alike(state: str) -> None:
    """But for rights, of which there are more since 17."""
    plans = [planned(one, state) for one in VERSIONS]
    found = {
        (
            tuple(one.version for one in plan.reverted),
            frozenset(line for line in plan.patch.minus if not is_own(line)),
            frozenset(line for line in plan.patch.plus if not is_own(line)),
        )
        for plan in plans
    }

    assert len(found) == 1


@on_each_version
@pytest.mark.parametrize("state", ["applied-1", "applied-6", "adopted-6", "second-applied", "rule-constraint-applied"])
def test_what_is_told_names_every_line_that_goes_or_comes_back(version: int, state: str) -> None:
    found = planned(version, state)
    told = "\n".join(rollback_lines(found))

    for sign, lines in (("-", found.patch.minus), ("+", found.patch.plus)):
        for line in lines:
            if not is_own(line):
                assert f"{sign} {line}" in told
    assert all(f"keeps all rows of table {table} in the quarantine" in told for table in found.tables)
