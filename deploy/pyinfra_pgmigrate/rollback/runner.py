"""A rollback at work: as migrations are, in one transaction, with indexes built before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from time import monotonic

import gevent

from ..errors import Kind, Refusal
from ..execution.runner import MOST_REPLANS, Execution, outcomes_in
from ..execution.steps import Step
from ..planning.database import DatabaseSession
from ..psql.answer import Answer
from .blockers import Rule
from .look import plan_rollback
from .plan import built_ahead
from .script import build, drop_built, step_back
from .turn import Rollback

_UNIQUE_VIOLATION, _STILL_DEPENDENT = "23505", "2BP01"


def revert(session: DatabaseSession, rollback: Rollback, *, target: int | None) -> Refusal | None:
    """Takes back what a rollback says, in one transaction.

    Returns None when all of it is taken back, else why not.

    + target: version that stays, as the rollback was planned with
    """
    return _Reverting(session, target).revert(rollback)


class _Reverting(Execution):
    """The same for a rollback."""

    def __init__(self, session: DatabaseSession, target: int | None) -> None:
        super().__init__(session, (), [])
        self.target = target

    def _failed(self, step: Step, answer: Answer) -> Refusal | None:
        counted = self._counted(step)
        if answer.sqlstate in (_UNIQUE_VIOLATION, _STILL_DEPENDENT) and counted.replans < MOST_REPLANS:
            # Rows or objects came since the plan: it looks again, and says or does what is due.
            counted.replans += 1
            return None
        return super()._failed(step, answer)

    def revert(self, rollback: Rollback) -> Refusal | None:
        """Returns None when all is taken back, else why not."""
        rules = built_ahead(rollback, self.settings.build_from_mib * 1024**2)
        if not rules:
            return self.run_all([step_back(rollback)])
        refusal = self._no_old_snapshot(rules)
        if refusal is not None:
            return refusal
        self._build(rollback, rules)
        left = self._again()
        refusal = left if isinstance(left, Refusal) else self.run_all(left)
        if refusal is not None:
            self._take_back(rollback, rules)
        return refusal

    def _no_old_snapshot(self, rules: Sequence[Rule]) -> Refusal | None:
        """Waits for sessions for which a build would have to wait without end; returns why in vain."""
        started, told = monotonic(), False
        while True:
            seen = self.session.look()
            if isinstance(seen, Refusal) or not seen.snapshots:
                return seen if isinstance(seen, Refusal) else None
            in_the_way = "; ".join(map(str, seen.snapshots))
            if monotonic() - started > self.settings.lock_budget_s:
                ending = " ".join(one.ending for one in seen.snapshots)
                return Refusal(
                    Kind.LOCK,
                    f"could not roll back: index {rules[0].index} cannot be built before the cut-over",
                    f"Found blocking: {in_the_way}; expected its end within {self.settings.lock_budget_s:.0f} s "
                    "(pg_lock_budget_s). Nothing was changed.",
                    f"Let that transaction end, then run again; to end it: {ending}",
                )
            if not told:
                told = True
                self.session.tell(f"    waiting for {in_the_way}")
            gevent.sleep(random.uniform(0.3, 0.7))  # noqa: S311  (jitter, no secret)

    def _build(self, rollback: Rollback, rules: Sequence[Rule]) -> None:
        """Builds indexes; where that fails they are built in the cut-over, which says why not."""
        names = ", ".join(rule.index for rule in rules)
        self.session.tell(f"    building {names} before the cut-over")
        started = monotonic()
        with self.session.watched():
            answer = self.session.psql(build(rules, rollback, self.session.run, self.settings.schema))
        if answer.status == 0 and not outcomes_in(answer):
            self.session.tell(f"    built in {monotonic() - started:.1f} s")
            return
        why = answer.message or answer.errors or "another run is at work"
        self.session.tell(f"    note: could not build it before the cut-over: {why}")
        self._take_back(rollback, rules)

    def _take_back(self, rollback: Rollback, rules: Sequence[Rule]) -> None:
        text = drop_built(
            rules,
            rollback,
            self.session.run,
            self.settings.schema,
            lock_timeout_ms=round(self.settings.lock_timeout_s * 1000),
        )
        answer = self.session.psql(text)
        if answer.status != 0 or outcomes_in(answer):
            names = "; ".join(f"DROP INDEX CONCURRENTLY IF EXISTS {rule.index}" for rule in rules)
            self.session.tell(
                f"    note: what was built before the cut-over is still there ({answer.message or answer.errors}); "
                f"the next rollback uses it. To remove it: {names}"
            )

    def _again(self) -> list[Step] | Refusal:
        found = plan_rollback(self.session, target=self.target)
        if isinstance(found, Refusal):
            return found
        return [] if found is None else [step_back(found)]
