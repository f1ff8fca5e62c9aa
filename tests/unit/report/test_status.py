"""A database, or a hundred, at a glance: what status.py tells of captured states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.drift.entries import Change, Drift, Drifts
from pyinfra_pgmigrate.planning.decision import Action
from pyinfra_pgmigrate.planning.plan import Plan
from pyinfra_pgmigrate.registry.model import Observed, ProvedBackup
from pyinfra_pgmigrate.report.status import Summary, Told, shortened, status_parts, summary, table

from tests.support import plans
from tests.support.captured import VERSIONS, observed
from tests.support.migrations import MIGRATIONS, NAMES
from tests.unit.planning.expected import BY_HAND, REGISTERED

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


def parts(
    state: str,
    version: int = 18,
    *,
    seen: Observed | None = None,
    plan: Plan | None = None,
    drifts: Drifts | None = None,
) -> list[Told]:
    found = observed(version, state) if seen is None else seen
    told = find_drift(found, MIGRATIONS) if drifts is None else drifts
    return list(status_parts(found, plans.plan(state, version) if plan is None else plan, MIGRATIONS, told))


def lines(found: Sequence[Told]) -> list[str]:
    return [line for part in found for line in part.lines]


@on_each_version
def test_a_migration_that_holds_is_told_with_how_when_and_by_whom(version: int) -> None:
    found = parts("applied-6", version)

    for name in NAMES:
        (part,) = [one for one in found if name in "".join(one.lines)]
        assert part.lines[0].split() == [name, "applied", "2026-01-01", "00:00", "operator"]
        assert part.colour is None
    assert lines(found)[-1] == "no drift"
    assert "no verified backup" in lines(found)


@on_each_version
def test_what_is_pending_is_told_with_what_would_be_run(version: int) -> None:
    found = parts("legacy", version)

    (first,) = [one for one in found if NAMES[0] in "".join(one.lines)]
    assert first.lines[0].endswith("pending: would run 5 of 5 statements, -0 +5 lines")
    assert first.colour == "yellow"
    (fourth,) = [one for one in found if NAMES[3] in "".join(one.lines)]
    # It changes no line.
    assert fourth.lines[0].endswith("run nothing")
    assert "no registry yet" in lines(found)[-1]


def test_what_is_beyond_the_target_is_told_without_what_would_be_run() -> None:
    found = parts("legacy", plan=plans.plan("legacy", pg_target=3))

    (last,) = [line for line in lines(found) if NAMES[5] in line]
    assert last.split() == [NAMES[5], "pending,", "beyond", "the", "target"]


def test_why_something_is_done_stands_beside_it() -> None:
    found = plans.plan("hand-6")
    told = lines(parts("hand-6"))

    for decision in found.decisions:
        if decision.reason:
            assert any(decision.migration.name in line and line.endswith(decision.reason) for line in told)
    assert any(decision.reason for decision in found.decisions)


def test_a_superuser_among_functions_of_others_is_warned_of() -> None:
    seen = observed(18, "applied-6")
    found = parts("applied-6", seen=replace(seen, server=replace(seen.server, foreign_code=("public.f()",))))

    assert found[1].lines[0].startswith("WARN: role postgres is a superuser")
    assert found[1].colour == "yellow"


@on_each_version
def test_a_run_at_work_is_told(version: int) -> None:
    (part,) = [one for one in parts("registry-run-at-work", version) if one.lines[:1] and "at work" in one.lines[0]]

    assert part.colour == "yellow"


@pytest.mark.parametrize(("how", "words"), [("restore", "restored and compared"), ("read", "read from end to end")])
def test_the_newest_backup_is_told_with_how_it_was_verified(how: str, words: str) -> None:
    seen = observed(18, "applied-6")
    assert seen.registry is not None
    backup = ProvedBackup("shop.1", "2026-01-01T00:00:00Z", 7300, how, 8363367, "db")

    found = lines(parts("applied-6", seen=replace(seen, registry=replace(seen.registry, backup=backup))))

    assert f"backup 2 h old, {words}, 8.0 MiB: shop.1" in found


@on_each_version
@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("rolled-back", ["22 rows of project_variants"]),
        (
            "rolled-back-renamed",
            ["100 values of project_equipment_groups.name from before they were renamed", "100 values of project_equipment_groups.variant_name"],
        ),
        ("rolled-back-quarantined", ["100 rows moved out of project_equipment", "100 rows moved out of project_equipment_groups"]),
    ],
)  # fmt: skip
def test_what_a_rollback_kept_is_told_with_how_to_throw_it_away(version: int, state: str, kept: list[str]) -> None:
    found = lines(parts(state, version))
    registry = observed(version, state).registry
    assert registry is not None
    runs = {one.run_id[:8] for one in registry.quarantines}

    assert {f"    {one}" for one in kept} <= set(found)
    for run in runs:
        assert any(line.startswith(f"in the quarantine of run {run}, since 2026-01-01 00:00 (1 min)") for line in found)
        assert f"    to throw it away: deploy/status.py --data pg_quarantine_drop={run}" in found


class TestDrift:
    @on_each_version
    def test_a_difference_is_told_with_its_origin_and_repair(self, version: int) -> None:
        found = lines(parts("drifted-1-3", version))
        place = found.index("drift since the last run: 1 missing")

        assert found[place + 1].startswith("    missing  index idx_project_equipment_groups_project_variant")
        assert found[place + 1].endswith(f", of {NAMES[0]}")
        assert found[place + 2].startswith("             fix: CREATE UNIQUE INDEX ")

    @on_each_version
    def test_what_changed_is_told_without_repeating_its_name(self, version: int) -> None:
        found = lines(parts("drifted-type", version))

        assert "             found bigint default 0" in found
        assert "             expected integer default 0" in found

    def test_a_repair_of_more_lines_shows_the_first(self) -> None:
        one = Drift(
            Change.CHANGED, "row_security a", "row_security a", "row_security a forced", "", "ALTER 1;\nALTER 2;"
        )
        found = lines(parts("applied-6", drifts=Drifts((one,))))

        assert "             fix: ALTER 1; ..." in found
        assert "             found no more than that" in found
        assert "             expected forced" in found
        without = lines(parts("applied-6", drifts=Drifts((replace(one, repair=""),))))
        assert any(line.strip() == "fix:" for line in without)

    def test_of_many_differences_the_first_ten_are_told(self) -> None:
        many = Drifts(tuple(Drift(Change.EXTRA, f"view v{number:02}", "x", "nothing") for number in range(12)))
        found = lines(parts("applied-6", drifts=many))

        assert "drift since the last run: 12 extra" in found
        assert sum(line.startswith("    extra    view") for line in found) == 10
        assert any("and 2 more" in line and "deploy/validate.py" in line for line in found)

    @pytest.mark.parametrize(
        ("ignored", "notes", "expected"),
        [
            (1, 0, ["    1 line ignored by pg_drift_ignore"]),
            (2, 1, ["    2 lines ignored by pg_drift_ignore", "    ignored (not drift): note 0"]),
            (0, 3, ["    ignored (not drift): note 0, and 2 more such"]),
        ],
    )
    def test_what_is_ignored_is_counted(self, ignored: int, notes: int, expected: list[str]) -> None:
        told = Drifts(
            ignored=frozenset(f"view v{number}" for number in range(ignored)),
            notes=tuple(f"note {number}" for number in range(notes)),
        )
        found = parts("applied-6", drifts=told)

        assert list(found[-1].lines) == ["no drift", *expected]
        assert found[-1].colour is None

    @on_each_version
    def test_drift_is_shown_in_another_colour(self, version: int) -> None:
        assert parts("drifted-1-3", version)[-1].colour == "yellow"
        assert parts("legacy", version)[-1].colour == "yellow"


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [("short", 10, "short"), ("a\n   b\\n  c", 10, "a b c"), ("0123456789", 10, "0123456789"), ("01234 6789a", 9, "01234...")],
)  # fmt: skip
def test_a_long_text_is_shortened_to_one_line(text: str, most: int, expected: str) -> None:
    assert shortened(text, most) == expected
    assert len(shortened(text, most)) <= most


class TestSummary:
    def of(self, state: str, *, plan: Plan | None = None, strict: bool = False) -> Summary:
        seen = observed(18, state)
        whole = plans.plan(state) if plan is None else plan
        return summary("web-1", "shop", seen, whole, MIGRATIONS, find_drift(seen, MIGRATIONS), strict=strict)

    def test_says_how_much_is_done_and_due(self) -> None:
        found = self.of("applied-3")

        assert (found.host, found.server, found.role) == ("web-1", "18", "primary")
        assert (found.done, found.due, found.backup, found.drift) == ("3/6", "3", "none", "0")
        assert found.verdict == "pending"
        assert self.of("legacy").drift == "?"

    def test_what_is_extra_fails_only_where_that_is_asked_for(self) -> None:
        assert self.of("extended-view").verdict == "extra"
        assert self.of("extended-view", strict=True).verdict == "drifted"

    def test_what_is_held_back_is_told_where_nothing_else_is_due(self) -> None:
        found = plans.plan("applied-5")
        last = replace(found.decisions[-1], action=Action.HOLD)

        assert self.of("applied-5", plan=replace(found, decisions=(*found.decisions[:-1], last))).verdict == "held"
        assert self.of("applied-5").verdict == "pending"

    def test_hosts_stand_below_each_other(self) -> None:
        first, second, third = table([self.of("applied-6"), Summary("a-host-with-a-long-name")])

        assert first.split() == [
            "host",
            "database",
            "server",
            "role",
            "size",
            "done",
            "due",
            "backup",
            "drift",
            "verdict",
        ]
        assert second.split() == ["web-1", "shop", "18", "primary", "8.0", "KiB", "6/6", "0", "none", "0", "good"]
        assert third.split() == ["a-host-with-a-long-name", *["-"] * 8, "not", "reached"]
        place = first.index("server")
        assert (second[place:].split()[0], third[place]) == ("18", "-")


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

    found = summary("a", "shop", seen, plans.plan(state, version), MIGRATIONS, drifts, strict=False)

    assert (found.verdict, found.server, found.role) == (verdict, str(version), "primary")


@on_each_version
@pytest.mark.parametrize("state", [*BY_HAND, *REGISTERED])
def test_the_state_at_a_glance_fits_a_terminal(version: int, state: str) -> None:
    seen = observed(version, state)
    parts = status_parts(seen, plans.plan(state, version), MIGRATIONS, find_drift(seen, MIGRATIONS))
    lines = [line for part in parts for line in part.lines]

    assert lines[1] == f"{sum(one.version in seen.applied for one in MIGRATIONS)} of 6 migrations applied"
    assert len(lines) >= 10
