"""What happens to one database in one run, noted as it happens, for the report. Pure: no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from ..backup.manifest import Manifest
from ..catalog.lines import Patch
from ..drift.detect import Drifts
from ..errors import Refusal
from ..execution.trace import StatementTrace
from ..planning.plan import Plan
from ..registry.model import Observed
from ..rehearsal.moments import Table
from ..rollback.plan import Rollback
from ..validation.checks import Check
from ..validation.query_cost import Comparison


class Span(Enum):
    """What a span of time went into."""

    PHASE = "phase"  # an operation of the run as a whole
    STEP = "step"  # statements of one migration
    LOCK = "lock"  # a try that did not get its locks
    TURN = "turn"  # another run was at work


@dataclass(frozen=True)
class Event:
    """One span of the timeline.

    + start_s: seconds since the run began; duration_s: None while it lasts, or where it was cut off
    + on_copy: it happened on a copy, not on the database itself
    + ended_well: False where it failed
    """

    span: Span
    title: str
    start_s: float
    duration_s: float | None
    detail: str = ""
    on_copy: bool = False
    ended_well: bool = True


@dataclass(frozen=True)
class Line:
    """A line that was told.

    + at_s: seconds since the run began
    """

    at_s: float
    text: str
    is_error: bool = False


@dataclass
class Journal:
    """Takes down one run on one database.

    + began_s: when the run began, seconds since 1970
    + changed: called after each entry
    + deploys: what was run, in order
    + observed, plan, rollback: as they were before anything was run
    + drifts: what other hands had changed then; None where nobody knows
    + after: as it was found to be validated, after the migrations
    + actual: lines that really went and came on the database
    + rehearsed, traces: what each statement did on the copy, and on the database
    + uses: what the application could do on the copy, before, between and after the migrations
    + queries: before and after, where they were measured
    + checks: None where nothing was validated
    + not_applicable: files of the application that do not apply to this database, each with the line that says so
    """

    host: str
    database: str
    began_s: float = field(default_factory=time.time)
    changed: Callable[[], None] = lambda: None
    deploys: list[str] = field(default_factory=list)
    observed: Observed | None = None
    drifts: Drifts | None = None
    after: Observed | None = None
    plan: Plan | None = None
    rollback: Rollback | None = None
    events: list[Event] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    actual: Patch = field(default_factory=Patch)
    rehearsed: tuple[StatementTrace, ...] = ()
    traces: list[StatementTrace] = field(default_factory=list)
    uses: Table | None = None
    queries: tuple[Comparison, ...] = ()
    checks: tuple[Check, ...] | None = None
    backup: Manifest | None = None
    not_applicable: dict[str, str] = field(default_factory=dict)

    def now_s(self) -> float:
        """Returns the seconds since the run began."""
        return time.time() - self.began_s

    def told(self, text: str, *, is_error: bool = False) -> None:
        """Takes down lines that were told."""
        self.lines += [Line(self.now_s(), line, is_error) for line in text.splitlines()]
        self.changed()

    def refused(self, refusal: Refusal) -> None:
        """Takes down a refusal, once."""
        if refusal not in self.refusals:
            self.refusals.append(refusal)
        self.changed()

    def saw(self, observed: Observed | None = None, plan: Plan | Rollback | None = None) -> None:
        """Takes down what was found before anything was run; what was found first stays."""
        if observed is not None and self.observed is None:
            self.observed = observed
        if isinstance(plan, Plan) and self.plan is None:
            self.plan = plan
        elif isinstance(plan, Rollback) and self.rollback is None:
            self.rollback = plan
        self.changed()

    def lasted(
        self,
        span: Span,
        title: str,
        *,
        ago_s: float,
        duration_s: float,
        detail: str = "",
        on_copy: bool = False,
        ended_well: bool = True,
    ) -> None:
        """Takes down something that has ended.

        + ago_s: seconds since it began; duration_s: seconds that it took
        """
        start_s = max(0.0, self.now_s() - ago_s)
        self.events.append(Event(span, title, start_s, duration_s, detail, on_copy, ended_well))
        self.changed()

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Takes down how long something lasts; what is cut off keeps no duration."""
        place = len(self.events)
        start_s = self.now_s()
        self.events.append(Event(Span.PHASE, title, start_s, None))
        refused = len(self.refusals)
        self.changed()
        yield
        ended_well = len(self.refusals) == refused
        self.events[place] = Event(Span.PHASE, title, start_s, self.now_s() - start_s, ended_well=ended_well)
        self.changed()

    def ran(self, patch: Patch, traces: Sequence[StatementTrace]) -> None:
        """Takes down what a step did to the database."""
        self.actual = self.actual.then(patch)
        self.traces += traces
        self.changed()
