"""What somebody should know or do after a run, the worst first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.errors import Kind, Refusal
from pyinfra_pgmigrate.planning.decision import Action
from pyinfra_pgmigrate.rehearsal.moments import Held, Table
from pyinfra_pgmigrate.report.findings import HostState, Stage, findings, quarantines, unreached, verdict
from pyinfra_pgmigrate.report.journal import Journal
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support import plans
from tests.support.captured import VERSIONS, observed
from tests.support.contents import RUN
from tests.support.migrations import MIGRATIONS, NAMES

THIS = "99999999-0000-4000-8000-000000000000"


def journal() -> Journal:
    return Journal("web-1", "shop")


def told(one: Journal) -> list[dict[str, str]]:
    return list(findings(one, THIS))


@pytest.mark.parametrize(
    ("state", "stage", "found", "expected"),
    [
        (HostState.GOOD, Stage.ENDED, False, "ok"),
        (HostState.GOOD, Stage.ENDED, True, "warnings"),
        (HostState.GOOD, Stage.PLANNED, True, "planned"),
        (HostState.GOOD, Stage.RUNNING, False, "running"),
        (HostState.GOOD, Stage.INTERRUPTED, False, "interrupted"),
        (HostState.FAILED, Stage.ENDED, False, "failed"),
        (HostState.FAILED, Stage.PLANNED, True, "failed"),
        (HostState.UNREACHED, Stage.RUNNING, False, "unreached"),
    ],
)
def test_one_word_says_how_a_run_ended(state: HostState, stage: Stage, found: bool, expected: str) -> None:
    assert verdict(state, stage, [{"subject": "x"}] if found else []) == expected


def test_a_host_that_was_not_reached_is_a_finding_with_how_to_see_why() -> None:
    found = unreached("web-1")

    assert found["verdict"] == "FAIL"
    assert "web-1" in found["subject"]
    assert "--limit web-1" in found["next"]


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    one = journal()
    one.observed, one.plan = observed(18, "applied-6"), plans.plan("applied-6")
    one.drifts = find_drift(observed(18, "applied-6"), MIGRATIONS)
    one.checks = (Check(Verdict.PASS, "drift", "nothing"),)

    assert told(one) == []


def test_refusals_stand_before_failures_and_those_before_warnings() -> None:
    one = journal()
    one.checks = (
        Check(Verdict.WARN, "drift", "view theirs", "there", "not there", "DROP VIEW theirs"),
        Check(Verdict.PASS, "verify", NAMES[1]),
        Check(Verdict.FAIL, "drift", "index a", "missing", "index a x", "CREATE INDEX a"),
    )
    one.refusals = [Refusal(Kind.LOCK, "could not lock", "Found a lock.", "Wait.")]

    found = told(one)

    assert [(each["verdict"], each["subject"], each["next"]) for each in found] == [
        ("FAIL", "could not lock", "Wait."),
        ("FAIL", "drift: index a", "CREATE INDEX a"),
        ("WARN", "drift: view theirs", "DROP VIEW theirs"),
    ]
    assert (found[1]["found"], found[1]["expected"]) == ("missing", "index a x")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")
def test_drift_is_told_once(version: int) -> None:
    one = journal()
    one.drifts = find_drift(observed(version, "drifted-1-3"), MIGRATIONS)
    assert one.drifts is not None
    (entry,) = one.drifts.entries

    (found,) = told(one)
    assert (found["verdict"], found["subject"], found["next"]) == ("WARN", f"drift: {entry.key}", entry.repair)
    one.checks = (Check(Verdict.FAIL, "drift", entry.key, entry.found, entry.expected, entry.repair),)
    (found,) = told(one)
    assert found["verdict"] == "FAIL"
    # A check that passed says nothing of it.
    one.checks = (Check(Verdict.PASS, "other", entry.key),)
    assert len(told(one)) == 1


def test_prepared_statements_that_fail_on_the_copy_are_told_with_the_moment() -> None:
    one = journal()
    fine = Held("add", 1, "00000", "", "00000", "00000")
    one.uses = Table(("", NAMES[0]), (), (fine, replace(fine, state="0A000", reason="cached plan must not change")))

    (found,) = told(one)

    assert "compatibility: add" in found["subject"]
    assert found["subject"].endswith(f"fails after {NAMES[0]}")
    assert found["found"] == "cached plan must not change (SQLSTATE 0A000)"
    assert "DISCARD ALL" in found["next"]


def test_a_migration_that_is_held_back_is_told_with_how_to_let_it_go() -> None:
    one = journal()
    plan = plans.plan("applied-5")
    last = replace(plan.decisions[-1], action=Action.HOLD, reason="the application names the rule")
    one.plan = replace(plan, decisions=(*plan.decisions[:-1], last))

    (found,) = told(one)

    assert NAMES[5] in found["subject"]
    assert found["found"] == "the application names the rule"
    assert "pg_release=true" in found["next"]


class TestQuarantines:
    @pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")
    def test_what_rollbacks_keep_is_told_once_a_run(self, version: int) -> None:
        one = journal()
        one.observed = observed(version, "rolled-back-quarantined")
        kept = list(quarantines(one.observed))
        assert len(kept) > 1
        assert {(each["kind"], each["object"], each["rows"]) for each in kept} >= {("table", "project_variants", 42)}

        (found,) = told(one)

        assert kept[0]["run"][:8] in found["subject"]
        assert f"pg_quarantine_drop={kept[0]['run'][:8]}" in found["next"]

    def test_what_was_put_back_meanwhile_is_not_told(self) -> None:
        one = journal()
        one.observed, one.after = observed(18, "rolled-back-quarantined"), observed(18, "rolled-back-forward")

        assert told(one) == []
        assert list(quarantines(None)) == []
        assert list(quarantines(observed(18, "legacy"))) == []

    def test_a_rollback_of_this_run_keeps_rows_once_it_has_come_to_pass(self) -> None:
        one = journal()
        one.rollback = plans.rollback("applied-6")
        assert told(one) == []

        one.actual = Patch(one.rollback.patch.minus, one.rollback.patch.plus)
        (found,) = told(one)
        assert THIS[:8] in found["subject"]
        assert RUN.run_id[:8] not in found["subject"]
        one.rollback = replace(one.rollback, tables=(), columns=())
        assert told(one) == []
