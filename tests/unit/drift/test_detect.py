"""Drift and its repairs on what servers answered in named states (tests/captured): no server."""

from __future__ import annotations

from functools import cache

import pytest
from pyinfra_pgmigrate.catalog.lines import is_own
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.drift.entries import Change, Drift, Drifts
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support.captured import EDITS, UNDO, VERSIONS, in_ours, observed
from tests.support.migrations import MIGRATIONS, NAMES

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")

UNKNOWN = ("empty", "legacy", "second", "hand-6", "odd-legacy", "registry-lost", "registry-no-catalogs", "registry-5")
CLEAN = (
    *(f"applied-{count}" for count in range(1, 7)),
    *("second-applied", "odd", "used", "adopted-3", "adopted-6", "resumed-6", "rolled-back", "rolled-back-forward"),
    *(
        "rolled-back-renamed",
        "rolled-back-quarantined",
        "verify-3",
        "verify-4",
        "registry-without-5",
        "registry-gone-7",
    ),
    *(f"rule-{name}-applied" for name in ("renamed", "constraint", "absent")),
)
HARMLESS = {"analyze": 0, "comment": 1, "options": 1, "partition": 1}

# What is missing or otherwise once a statement of an applied migration was undone, and the migration that made it.
_GROUPS, _ROLES = "project_equipment_groups", "project_roles"
_FIRST, _SECOND, _FIFTH = NAMES[0], NAMES[1], NAMES[4]
DRIFTED = {
    (1, 1): {f"missing column {_GROUPS}.variant_name": _FIRST, f"missing index idx_{_GROUPS}_project_variant": _FIRST,
             f"missing index idx_{_GROUPS}_variant": _FIRST, f"missing index idx_{_GROUPS}_variant_lookup": _FIFTH},
    (1, 2): {f"missing column {_ROLES}.variant_name": _FIRST, f"missing index idx_{_ROLES}_variant": _FIRST,
             f"missing index idx_{_ROLES}_variant_lookup": _FIFTH},
    (1, 3): {f"missing index idx_{_GROUPS}_project_variant": _FIRST},
    (1, 4): {f"missing index idx_{_GROUPS}_variant": _FIRST},
    (1, 5): {f"missing index idx_{_ROLES}_variant": _FIRST},
    (2, 1): {"missing table project_variants": _SECOND},
    (2, 2): {"missing index idx_project_variants_project": _SECOND},
    (2, 3): {"missing index idx_project_variants_default": _SECOND},
    (2, 4): {"missing function project_variants_set_updated_at()": _SECOND,
             "missing trigger project_variants.set_updated_at": _SECOND},
    (2, 5): {"missing trigger project_variants.set_updated_at": _SECOND},
    (2, 6): {"missing row_security project_variants": _SECOND},
    (2, 7): {"missing policy project_variants.visible_project_all": _SECOND},
    (2, 8): {"extra grant table projects PUBLIC": ""},
    (3, 1): {},
    (5, 1): {f"missing index idx_{_GROUPS}_variant_lookup": _FIFTH},
    (5, 2): {f"missing index idx_{_ROLES}_variant_lookup": _FIFTH},
    (6, 1): {f"extra index idx_{_GROUPS}_project": ""},
}  # fmt: skip
OTHERS = {
    "drifted-invalid": {f"changed index idx_{_ROLES}_variant": _FIRST},
    "drifted-type": {"changed column project_variants.sort_order": _SECOND},
    "extended-view": {"extra view theirs": ""},
    "extended-foreign-key": {"extra table theirs": ""},
    "extended-index": {"extra index theirs": ""},
    "extended-trigger": {"extra trigger project_variants.theirs": ""},
    "extended-policy": {"extra policy project_roles.theirs": ""},
    "extended-column": {"extra column project_variants.theirs": ""},
}


@cache
def drifts_of(version: int, state: str, *ignore: str) -> Drifts:
    found = find_drift(observed(version, state), MIGRATIONS, ignore=ignore)
    assert found is not None
    return found


def told(found: Drifts) -> dict[str, str]:
    return {f"{one.kind.value} {one.key}": one.migration for one in found.entries}


@on_each_version
@pytest.mark.parametrize("state", UNKNOWN)
def test_nobody_knows_without_the_catalog_of_a_last_run(version: int, state: str) -> None:
    assert find_drift(observed(version, state), MIGRATIONS) is None


@on_each_version
@pytest.mark.parametrize("state", CLEAN)
def test_what_runs_leave_is_no_drift(version: int, state: str) -> None:
    found = drifts_of(version, state)

    assert (told(found), found.notes) == ({}, ())


@on_each_version
@pytest.mark.parametrize(("name", "notes"), HARMLESS.items(), ids=str)
def test_everyday_work_is_no_drift(version: int, name: str, notes: int) -> None:
    found = drifts_of(version, f"harmless-{name}")

    assert told(found) == {}
    assert (len(found.notes) > 0) is (notes > 0)


@on_each_version
@pytest.mark.parametrize("key", UNDO, ids=str)
def test_what_is_undone_is_told_with_the_migration_that_made_it(version: int, key: tuple[int, int]) -> None:
    assert told(drifts_of(version, f"drifted-{key[0]}-{key[1]}")) == DRIFTED[key]


@on_each_version
@pytest.mark.parametrize(("state", "expected"), OTHERS.items(), ids=str)
def test_what_others_did_is_told(version: int, state: str, expected: dict[str, str]) -> None:
    assert told(drifts_of(version, state)) == expected


def is_sql(one: Drift) -> bool:
    return not one.repair.startswith(("deploy/", "make it again", "PostgreSQL cannot", "bring the definition"))


@on_each_version
@pytest.mark.parametrize("name", EDITS)
class TestEdits:
    """Each edit of ``hand_edits``; that its repair leads back is shown on a server (tests/integration/test_drift.py)."""

    def test_is_told_as_what_it_is(self, version: int, name: str) -> None:
        edit = EDITS[name]
        found = drifts_of(version, name)
        kinds = {one.key: one.kind.value for one in found.entries}

        assert kinds.pop(in_ours(edit.key)) == edit.kind
        assert kinds.keys() <= {in_ours(key) for key in edit.also}

    def test_its_repair_is_sql_where_there_is_any(self, version: int, name: str) -> None:
        edit = EDITS[name]
        one = next(one for one in drifts_of(version, name).entries if one.key == in_ours(edit.key))

        assert is_sql(one) or not edit.repairs
        if is_sql(one):
            assert split(one.repair)

    def test_every_line_is_told_once(self, version: int, name: str) -> None:
        seen = observed(version, name)
        assert seen.registry is not None
        assert seen.registry.drift is not None
        found = drifts_of(version, name)
        lines = [("-", line) for one in found.entries for line in one.patch.minus]
        lines += [("+", line) for one in found.entries for line in one.patch.plus]
        all_ = {("-", line) for line in seen.registry.drift.minus} | {("+", line) for line in seen.registry.drift.plus}

        assert len(lines) == len(set(lines))
        assert {one for one in all_ - set(lines) if one[1] not in found.harmless} == set()

    def test_what_is_ignored_is_counted_and_not_told(self, version: int, name: str) -> None:
        found = drifts_of(version, name, "*")

        assert found.entries == ()
        assert found.ignored


@pytest.mark.parametrize("name", EDITS)
def test_all_versions_tell_the_same(name: str) -> None:
    found = {
        tuple((one.kind, one.key, one.migration) for one in drifts_of(version, name).entries) for version in VERSIONS
    }

    assert len(found) == 1


@pytest.mark.parametrize("state", ["empty", "legacy", "hand-6", "applied-6", "second", "second-applied", "odd"])
def test_the_lines_are_the_same_on_all_versions(state: str) -> None:
    """Definitions, owners and grants are each database's own; all others go with effects, which are compared."""
    found = {
        frozenset(line for line in observed(version, state).catalog.lines if not is_own(line)) for version in VERSIONS
    }

    assert len(found) == 1


@on_each_version
def test_only_what_is_missing_or_changed_fails_unless_strict(version: int) -> None:
    extra, missing = drifts_of(version, "extended-view"), drifts_of(version, "drifted-1-3")

    assert (extra.fails(strict=False), extra.fails(strict=True)) == (False, True)
    assert missing.fails(strict=False)
    assert (len(missing.of(Change.MISSING)), missing.counts) == (1, "1 missing")
