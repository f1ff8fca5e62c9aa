"""Steps at work: one session for all of them, again after lock time-outs, until there is a reason not to."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from time import monotonic

import gevent

from ..errors import Kind, Refusal
from ..host.events import Span
from ..host.pyinfra_api import is_interrupted, notice_interrupts
from ..planning import refusals
from ..planning.database import DatabaseSession
from ..planning.plan import Plan
from ..psql.answer import EXIT_SCRIPT, Answer
from ..psql.question import unread
from ..registry.model import Blocker, blockers_of
from .ending import Ending
from .failed import aftermath_script, blockers_script, failed_at, place_of
from .groups import Groups
from .outcome import Outcome, outcomes
from .progress import Progress
from .script import LockLimits, apply_script
from .steps import Step, steps_of
from .trace import StatementTrace

# Only these are tried again; source: PostgreSQL manual, "Error Codes".
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"

# How often a plan may be overtaken by others before we give up.
MOST_REPLANS = 5
# New rows may come while a converging migration runs; after so many passes somebody keeps making them.
_MOST_PASSES = 3


def execute(
    session: DatabaseSession,
    plan: Plan,
    versions: Collection[int],
    traces: list[StatementTrace],
    *,
    ending: Ending | None = None,
) -> Refusal | None:
    """Runs what a plan says for some versions.

    Returns None when all of it holds now, else why not, and tells how it goes. What others did
    meanwhile is not done again.

    + traces: takes what each statement did
    + ending: what comes after it in the same session; None: nothing
    """
    return Execution(session, versions, traces, ending).run(plan)


@dataclass
class _Counts:
    """What was tried of one step.

    + tries: for its locks, counted from 1; lock_since: of the first in vain, monotonic seconds
    + replans: plans because the database had moved; passes: of a converging migration
    + surprises: times that the catalog changed otherwise than its effect says
    """

    tries: int = 1
    lock_since: float | None = None
    replans: int = 0
    passes: int = 1
    surprises: int = 0


class Execution(Progress):
    """One call of ``execute``: goes on until all is done or there is a reason not to."""

    def __init__(
        self,
        session: DatabaseSession,
        versions: Collection[int],
        traces: list[StatementTrace],
        ending: Ending | None = None,
    ) -> None:
        super().__init__(session, traces)
        self.settings = session.settings
        self.ending = ending or Ending()
        self.versions = versions
        self.busy_since: float | None = None
        self.counts: dict[tuple[int, ...], _Counts] = {}
        self.groups = Groups(may_share=False)

    def _counted(self, step: Step) -> _Counts:
        """Returns what was tried of a step so far: what one needed is not taken from the next."""
        key = (step.migration.version, *(statement.number for statement in step.statements))
        return self.counts.setdefault(key, _Counts())

    def run(self, plan: Plan) -> Refusal | None:
        """Returns None when all is done, else why not."""
        self.groups = Groups(may_share=not plan.has_kept)
        return self.run_all(self._steps(plan))

    def _steps(self, plan: Plan) -> list[Step]:
        decisions = [one for one in plan.changes if one.migration.version in self.versions]
        others = len(plan.changes) > len(decisions)
        return [
            step
            for decision in decisions
            for step in steps_of(decision, ends_run=decision is decisions[-1] and not others)
        ]

    def _again(self) -> list[Step] | Refusal:
        """Returns the steps that are left, by the database as it is now."""
        plan = self.session.plan(ask=self.versions)
        if isinstance(plan, Refusal):
            return plan
        return plan.refusals[0] if plan.refusals else self._steps(plan)

    def run_all(self, steps: list[Step]) -> Refusal | None:
        """Returns None when all steps are done, else why not."""
        notice_interrupts(self.session.host.state)
        while steps:
            if is_interrupted(self.session.host.state):
                return self._aftermath(steps[0], _interrupted(steps[0]), "")
            answer = self._run_steps(steps)
            found = outcomes_in(answer)
            done = [outcome for outcome in found if outcome.result == "done"]
            self._tell_done(steps, done)
            if done:
                self.busy_since = None
            if len(done) == len(steps):
                self._end(answer)
                return None
            outcome = found[len(done)] if len(found) > len(done) else None
            was_group = self._parted(steps, len(done), outcome, answer)
            if not was_group and (refusal := self._look_after(steps[len(done)], outcome, answer)) is not None:
                return refusal
            left = self._again()
            if isinstance(left, Refusal):
                return left
            steps = left
        return None

    def _end(self, answer: Answer) -> None:
        if not self.ending.has_analyzed(answer):
            tables = ", ".join(sorted(self.ending.tables))
            self.session.tell(f"warning: could not analyze {tables}: {unread(answer)}")
        if (seen := self.ending.seen(answer)) is not None:
            self.session.memory.saw(seen, self.session.schema)

    def _run_steps(self, steps: list[Step]) -> Answer:
        text = apply_script(
            self.groups.of(steps),
            self.session.run,
            self.settings.schema,
            self._limits(steps[0]),
            batch_rows=self.settings.batch_rows,
            backup=self.session.memory.backup,
            ending=self.ending.script(
                self.session.run, self.settings.schema, lock_timeout_ms=round(self.settings.lock_timeout_s * 1000)
            ),
        )
        self.step_since = monotonic()
        self.session.memory.has_begun = True
        with self.session.watched():
            answer = self.session.psql(text)
        self.failed_at = failed_at(text, answer.line)
        return answer

    def _parted(self, steps: Sequence[Step], done: int, outcome: Outcome | None, answer: Answer) -> bool:
        """Has a group that failed run one by one, as nothing of it is left; tells whether it was one."""
        if outcome is not None and outcome.result in ("busy", "moved"):
            return False
        if count := self.groups.part(steps, done):
            why = unread(answer) if outcome is None else outcome.surprise
            self.tell(f"    {count} migrations, together: {why}; now one by one", is_detail=True)
        return count > 0

    def _limits(self, step: Step) -> LockLimits:
        tries = self._counted(step).tries
        timeout_s = min(self.settings.lock_timeout_s, self.settings.lock_timeout_s / 10 * 2 ** (tries - 1))
        return LockLimits(self.settings.lock_poll_s, max(1, round(timeout_s * 1000)), tries)

    def _look_after(self, step: Step, outcome: Outcome | None, answer: Answer) -> Refusal | None:
        """Returns why to stop, or None to plan and try again."""
        if outcome is not None and answer.status == 0:
            return self._answered(step, outcome)
        if answer.status == EXIT_SCRIPT and answer.sqlstate in (_LOCK_NOT_AVAILABLE, _DEADLOCK):
            return self._locked(step, answer)
        return self._failed(step, answer)

    def _answered(self, step: Step, outcome: Outcome) -> Refusal | None:
        counted = self._counted(step)
        match outcome.result:
            case "busy":
                self._note_in_vain(Span.TURN, step, outcome.detail)
                return self._wait(outcome)
            case "moved":
                counted.replans += 1
                if counted.replans <= MOST_REPLANS:
                    return None
            case "problems" if step.migration.header.converges and counted.passes < _MOST_PASSES:
                counted.passes += 1
                return None
            case "problems" if outcome.verified is not None:
                refusal = refusals.not_verified(step.migration, outcome.verified)
                return self._aftermath(step, refusal, "")
            case "unexpected":
                # Another session's change may have fallen into the short time of ours: look again once.
                counted.surprises += 1
                if counted.surprises == 1 and step.in_transaction:
                    return None
        refusal = _unexpected(step, outcome)
        return self._aftermath(step, refusal, "")

    def _wait(self, outcome: Outcome) -> Refusal | None:
        now = monotonic()
        if self.busy_since is None:
            self.busy_since = now
            self.session.tell(f"another run is at work here ({outcome.detail}), waiting for it")
        if now - self.busy_since > self.settings.run_wait_s:
            return self.session.busy(outcome.detail)
        gevent.sleep(random.uniform(0.1, 0.4))  # noqa: S311  (jitter, no secret)
        return None

    def _locked(self, step: Step, answer: Answer) -> Refusal | None:
        now, counted = monotonic(), self._counted(step)
        counted.lock_since = lock_since = now if counted.lock_since is None else counted.lock_since
        text = blockers_script(step, self.session.run, self.settings.schema)
        blockers = blockers_of(self.session.psql(text))
        in_the_way = _named(blockers)
        self._note_in_vain(Span.LOCK, step, f"try {counted.tries}, locked by {in_the_way}")
        if now - lock_since < self.settings.lock_budget_s:
            self.session.tell(f"    try {counted.tries}: a table is locked by {in_the_way}; trying again")
            counted.tries += 1
            # Out of step with whoever takes the lock in a rhythm; longer while it stays taken.
            gevent.sleep(random.uniform(0.5, 1.0) * min(2.0, 0.1 * 2**counted.tries))  # noqa: S311
            return None
        refusal = _no_lock(step, blockers, counted.tries, now - lock_since, self.settings.lock_budget_s)
        return self._aftermath(step, refusal, answer.sqlstate)

    def _failed(self, step: Step, answer: Answer) -> Refusal | None:
        self._note_in_vain(Span.STEP, step, answer.message)
        place = place_of(step, self.failed_at)
        if answer.status == EXIT_SCRIPT:
            refusal = Refusal(
                Kind.FAILED,
                f"could not apply {step.title}: {answer.message}",
                detail=f"Found SQLSTATE {answer.sqlstate} at {place}; expected it to succeed. {_left_behind(step)}",
                hint=f"Remove the cause, then run again{_resumes(step)}.",
            )
        else:
            refusal = Refusal(
                Kind.FAILED,
                f"lost contact with psql while applying {step.title} ({_status(answer)})",
                detail=f"Found: {answer.message or answer.errors or 'no message'}. Expected status 0 from {place}.",
                hint="Run again: the run looks at what is there and resumes where it stopped.",
            )
        return self._aftermath(step, refusal, answer.sqlstate)

    def _aftermath(self, step: Step, refusal: Refusal, sqlstate: str) -> Refusal:
        """Looks after a step that did not end well; returns why it did not."""
        text = aftermath_script(
            step,
            self.session.run,
            self.settings.schema,
            kind=refusal.kind,
            sqlstate=sqlstate,
            message=f"{refusal.message}; {refusal.detail}",
        )
        answer = self.session.psql(text)
        if answer.status != 0:
            self.session.tell(f"    note: the clean-up after it did not end well: {answer.message or answer.errors}")
        return refusal


def outcomes_in(answer: Answer) -> list[Outcome]:
    """Returns what the steps reported; a report that cannot be read counts as none."""
    try:
        return outcomes(answer)
    except (ValueError, KeyError, TypeError):
        return []


def _named(blockers: Sequence[Blocker]) -> str:
    return "; ".join(map(str, blockers)) or "no session any more"


def _no_lock(step: Step, blockers: Sequence[Blocker], tries: int, lasted_s: float, budget_s: float) -> Refusal:
    in_the_way = _named(blockers)
    ending = " ".join(blocker.ending for blocker in blockers)
    tables = ", ".join(sorted({lock.relation for lock in step.locks})) or "a table"
    return Refusal(
        Kind.LOCK,
        f"could not apply {step.title}: no lock on {tables} after {tries} tries in {lasted_s:.0f} s",
        detail=f"Found blocking: {in_the_way}; expected the lock within {budget_s:.0f} s "
        "(pg_lock_budget_s). Nothing of this step was done.",
        hint="Let that transaction end, then run again" + (f"; to end it: {ending}" if ending else "."),
    )


def _status(answer: Answer) -> str:
    return "no exit status" if answer.status is None else f"exit status {answer.status}"


def _interrupted(step: Step) -> Refusal:
    return Refusal(
        Kind.FAILED,
        f"did not apply {step.title}: the run was interrupted",
        detail="Found Ctrl-C; expected to go on. Nothing of this step was done; the steps before it stay.",
        hint="Run again: it resumes where it stopped.",
    )


def _resumes(step: Step) -> str:
    # A rollback is one transaction, of which nothing is left.
    return ": it resumes where it stopped" if step.around is None else ""


def _left_behind(step: Step) -> str:
    if step.in_transaction:
        return "Nothing of this step is left."
    return "The batches before it stay." if step.in_batches else "What it left is removed."


def _unexpected(step: Step, outcome: Outcome) -> Refusal:
    found = "; ".join(outcome.foreign[:5]) or "no other change"
    lacking = "; ".join(outcome.lacking[:5])
    return Refusal(
        Kind.UNEXPECTED,
        f"cannot apply {step.title}: the catalog changed otherwise than its effect says",
        detail=f"Found {found}"
        + (f"; expected also {lacking}" if lacking else "; expected nothing else")
        + ". "
        + ("The step was undone." if step.in_transaction else "The statement cannot be undone."),
        hint="See whether this database differs from sql/baseline.sql there, or what else the statement does "
        "(an event trigger, a dependent view)."
        if step.around is None
        else f"Write into {step.migration.name}.sql what it lacks, its lines TODO among it, or leave out what is too "
        "much; pgmigrate draft-rollback writes another one.",
    )
