"""How steps at work are told and announced."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from ..catalog.lines import Patch, key_of
from ..host.events import Lasted, Span
from ..planning.database import DatabaseSession
from ..units import ranges
from .outcome import Outcome
from .steps import Step
from .trace import Ran, StatementTrace, traces_of


class Progress:
    """Tells what steps did, and how long it took.

    + traces: takes what each statement did
    + step_since: when the step at work began, monotonic seconds
    + failed_at: where the last script failed; see ``failed.failed_at``
    """

    def __init__(self, session: DatabaseSession, traces: list[StatementTrace]) -> None:
        self.session = session
        self.traces = traces
        self.step_since = monotonic()
        self.failed_at = ""

    def tell(self, text: str, *, is_detail: bool = False) -> None:
        """Tells something; what happens on a copy is a detail."""
        self.session.tell(text, is_detail=is_detail or self.session.is_copy)

    def _tell_done(self, steps: list[Step], done: list[Outcome]) -> None:
        ago_s = monotonic() - self.step_since
        for step, outcome in zip(steps, done, strict=False):
            traces = list(traces_of(step, outcome))
            self.traces.extend(traces)
            self._note_done(step, outcome, traces, ago_s)
            ago_s -= outcome.duration_ms / 1000
            if step.statements:
                numbers = ranges(step.own_numbers)
                rows = f", {outcome.rows} rows" if step.in_batches else ""
                self.tell(
                    f"    {step.migration.name}: statement {numbers} in {outcome.duration_ms} ms{rows}", is_detail=True
                )
            for back in outcome.put_back:
                rest = f"; {back.left} cannot be, and stay there:" if back.left else ""
                self.tell(f"    restored from the quarantine: {back.put} rows of {back.object}{rest}")
                for key, reason in back.rows:
                    self.tell(f"        {key}: {reason}")
                if back.left > len(back.rows):
                    self.tell(f"        and {back.left - len(back.rows)} more")
            for what, reason, waits in outcome.made:
                if not reason:
                    self.tell(f"    made again: {what}")
                elif not waits or step.ends_run:
                    self.session.tell(f"    note: could not make {what} again, its definition stays kept: {reason}")
            for key in dict.fromkeys(key_of(line[2:]) for line in outcome.carried):
                self.tell(f"    note: changed along with it: {key}")
            for line in outcome.foreign:
                self.session.tell(f"    note: meanwhile somebody else changed the catalog: {line}")
        self.step_since = monotonic() - max(0.0, ago_s)

    def _note_done(self, step: Step, outcome: Outcome, traces: Sequence[StatementTrace], ago_s: float) -> None:
        if not self.session.is_copy:
            applied = step.migration.version if step.is_last and step.around is None else None
            self.session.announce(Ran(Patch(outcome.removed, outcome.added), tuple(traces), applied))
        if step.statements:
            self.session.announce(
                Lasted(
                    Span.STEP,
                    numbered(step),
                    ago_s=ago_s,
                    duration_s=outcome.duration_ms / 1000,
                    on_copy=self.session.is_copy,
                )
            )

    def _note_in_vain(self, span: Span, step: Step, detail: str) -> None:
        """Takes down the time since the last step that was done, as it came to nothing."""
        lasted_s = monotonic() - self.step_since
        self.session.announce(
            Lasted(
                span,
                numbered(step),
                ago_s=lasted_s,
                duration_s=lasted_s,
                detail=detail,
                on_copy=self.session.is_copy,
                ended_well=False,
            )
        )


def numbered(step: Step) -> str:
    """Returns what a step is called in a timeline."""
    numbers = ranges(step.own_numbers)
    if step.around is not None:
        return step.migration.name
    return f"{step.migration.name}, statement {numbers}" if numbers else step.migration.name
