"""What a journal takes down of the events of a run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.drift.entries import Drifts
from pyinfra_pgmigrate.errors import Kind, Refusal
from pyinfra_pgmigrate.execution.trace import Ran, Rehearsed
from pyinfra_pgmigrate.host.events import (
    Forgiven,
    Lasted,
    NotApplicable,
    PhaseBegan,
    PhaseEnded,
    Refused,
    Span,
    Started,
    Told,
)
from pyinfra_pgmigrate.rehearsal.moments import Table, Tried
from pyinfra_pgmigrate.report import journal as module
from pyinfra_pgmigrate.report.journal import Drifted, Journal, Looked, LookedAfter, Secured, Validated
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support import plans
from tests.support.captured import observed
from tests.unit.backup.test_store import manifest

REFUSAL = Refusal(Kind.LOCK, "could not lock", "Found a lock.", "Wait.")


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.at = 1000.0

    def time(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(time=found.time))
    return found


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal("web-1", "shop", began_s=clock.at)


def test_lines_are_told_one_by_one_with_their_time(journal: Journal, clock: Clock) -> None:
    clock.at += 2.5
    journal.hear(Told("one\ntwo"))
    journal.hear(Told("three", is_error=True))

    assert [(one.at_s, one.text, one.is_error) for one in journal.lines] == [
        (2.5, "one", False),
        (2.5, "two", False),
        (2.5, "three", True),
    ]


def test_whoever_wants_to_know_is_called_after_each_event(clock: Clock) -> None:
    heard: list[int] = []
    journal = Journal("web-1", "shop")
    journal.changed = lambda: heard.append(len(journal.deploys))

    for event in (Started("Migrate"), Started("Validate"), object()):
        journal.hear(event)

    assert heard == [1, 2, 2]
    assert journal.deploys == ["Migrate", "Validate"]


def test_a_refusal_counts_once_and_until_it_is_forgiven(journal: Journal) -> None:
    journal.hear(Refused(REFUSAL))
    journal.hear(Refused(REFUSAL))
    assert journal.refusals == [REFUSAL]

    journal.hear(Forgiven())
    assert journal.refusals == []


def test_what_does_not_apply_is_told_once_a_file(journal: Journal) -> None:
    journal.hear(NotApplicable("queries/a.sql", "first"))
    journal.hear(NotApplicable("queries/a.sql", "second"))

    assert journal.not_applicable == {"queries/a.sql": "second"}


class TestTimeline:
    def test_a_phase_lasts_from_its_beginning_to_its_end(self, journal: Journal, clock: Clock) -> None:
        clock.at += 1
        journal.hear(PhaseBegan("Migrate"))
        clock.at += 3
        journal.hear(PhaseEnded("Migrate"))

        (found,) = journal.events
        assert (found.span, found.title, found.start_s, found.duration_s, found.ended_well) == (
            Span.PHASE,
            "Migrate",
            1,
            3,
            True,
        )

    def test_what_is_cut_off_has_no_duration(self, journal: Journal) -> None:
        journal.hear(PhaseBegan("Migrate"))

        assert journal.events[0].duration_s is None

    def test_only_the_phase_in_which_something_was_refused_ended_badly(self, journal: Journal) -> None:
        for refused in (False, True, False):
            journal.hear(PhaseBegan("a phase"))
            if refused:
                journal.hear(Refused(REFUSAL))
            journal.hear(PhaseEnded("a phase"))

        assert [one.ended_well for one in journal.events] == [True, False, True]

    def test_a_phase_within_another_ends_first(self, journal: Journal, clock: Clock) -> None:
        journal.hear(PhaseBegan("outer"))
        clock.at += 1
        journal.hear(PhaseBegan("inner"))
        clock.at += 1
        journal.hear(PhaseEnded("inner"))
        clock.at += 1
        journal.hear(PhaseEnded("outer"))

        assert [(one.title, one.duration_s) for one in journal.events] == [("outer", 3), ("inner", 1)]

    def test_an_end_without_a_beginning_is_passed_over(self, journal: Journal) -> None:
        journal.hear(PhaseEnded("never began"))

        assert journal.events == []

    def test_what_has_ended_is_placed_where_it_began(self, journal: Journal, clock: Clock) -> None:
        clock.at += 10
        journal.hear(Lasted(Span.LOCK, "001", ago_s=4, duration_s=2, detail="held", on_copy=True, ended_well=False))
        journal.hear(Lasted(Span.STEP, "002", ago_s=99, duration_s=2))

        first, second = journal.events
        assert (first.start_s, first.duration_s, first.detail, first.on_copy, first.ended_well) == (
            6,
            2,
            "held",
            True,
            False,
        )
        # Nothing begins before the run.
        assert second.start_s == 0


class TestFindings:
    def test_what_was_found_first_stays(self, journal: Journal) -> None:
        before, after = observed(18, "legacy"), observed(18, "applied-6")
        first, second = plans.plan("legacy"), plans.plan("applied-6")
        back = plans.rollback("applied-6")

        journal.hear(Looked(None))
        assert journal.observed is None
        for event in (Looked(before, first), Looked(after, second), Looked(after, back), Looked(after)):
            journal.hear(event)

        assert journal.observed is before
        assert (journal.plan, journal.rollback) == (first, back)
        journal.hear(LookedAfter(after))
        assert journal.after is after

    def test_what_ran_adds_up_to_what_is_otherwise_now(self, journal: Journal) -> None:
        journal.hear(Ran(Patch(frozenset(), frozenset({"table a", "table b"})), ()))
        journal.hear(Ran(Patch(frozenset({"table b"}), frozenset({"table c"})), ()))

        assert journal.actual == Patch(frozenset(), frozenset({"table a", "table c"}))

    def test_everything_else_is_taken_down_as_it_is_told(self, journal: Journal) -> None:
        checks = (Check(Verdict.PASS, "drift", "nothing"),)
        told, uses, backup = Drifts(), Table(("",), ()), manifest(1)
        for event in (Drifted(told), Secured(backup), Tried(uses), Rehearsed(()), Validated(checks)):
            journal.hear(event)

        assert journal.drifts is told
        assert journal.backup is backup
        assert journal.uses is uses
        assert (journal.checks, journal.queries, journal.rehearsed) == (checks, (), ())
