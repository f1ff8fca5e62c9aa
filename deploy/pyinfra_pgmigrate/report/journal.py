"""What happens to one database in one run, noted as it happens, for the report. Pure: no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..backup.manifest import Manifest
from ..catalog.lines import Patch
from ..drift.entries import Drifts
from ..errors import Refusal
from ..execution.trace import Ran, Rehearsed, StatementTrace
from ..host.events import Forgiven, Lasted, NotApplicable, PhaseBegan, PhaseEnded, Refused, Span, Started, Told
from ..physical.cover import RestorePoint
from ..planning.plan import Plan
from ..registry.model import Observed
from ..rehearsal.moments import Table, Tried
from ..rollback.turn import Rollback
from ..validation.query_cost import Comparison
from ..validation.verdict import Check


@dataclass(frozen=True)
class Looked:
    """The database was looked at before anything was run, and planned for.

    + plan: None where nothing was planned
    """

    observed: Observed | None
    plan: Plan | Rollback | None = None


@dataclass(frozen=True)
class Drifted:
    """Schema drift was looked for; None where nobody knows."""

    drifts: Drifts | None


@dataclass(frozen=True)
class LookedAfter:
    """The database was looked at after the migrations."""

    observed: Observed


@dataclass(frozen=True)
class Validated:
    """The database was validated.

    + queries: before and after, where they were measured
    """

    checks: tuple[Check, ...]
    queries: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Secured:
    """There is a verified backup."""

    manifest: Manifest


@dataclass(frozen=True)
class Pointed:
    """There is a restore point that a physical backup covers."""

    point: RestorePoint


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

    + run_id: of the run, as the registry of the database has it
    + began_s: when the run began, seconds since 1970
    + changed: called after each entry
    + deploys: what was run, in order
    + observed, plan, rollback: as they were before anything was run
    + drifts: schema drift then; None where nobody knows
    + after: as it was found to be validated, after the migrations
    + actual: lines that really went and came on the database
    + applied: versions of the migrations that the run came to the end of
    + rehearsed, traces: what each statement did on the copy, and on the database
    + uses: what the application could do on the copy, before, between and after the migrations
    + queries: before and after, where they were measured
    + checks: None where nothing was validated
    + not_applicable: files of the application that do not apply to this database, each with the line that says so
    """

    host: str
    database: str
    run_id: str = ""
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
    applied: set[int] = field(default_factory=set)
    rehearsed: tuple[StatementTrace, ...] = ()
    traces: list[StatementTrace] = field(default_factory=list)
    uses: Table | None = None
    queries: tuple[Comparison, ...] = ()
    checks: tuple[Check, ...] | None = None
    backup: Manifest | None = None
    point: RestorePoint | None = None
    not_applicable: dict[str, str] = field(default_factory=dict)
    _phases: list[tuple[int, int]] = field(default_factory=list)

    def now_s(self) -> float:
        """Returns the seconds since the run began."""
        return time.time() - self.began_s

    def hear(self, event: object) -> None:
        """Takes down one event; what it does not know it passes over."""
        match event:
            case Started(title):
                self.deploys.append(title)
            case Told(text, is_error):
                self.lines += [Line(self.now_s(), line, is_error) for line in text.splitlines()]
            case Refused(refusal):
                if refusal not in self.refusals:
                    self.refusals.append(refusal)
            case Forgiven():
                self.refusals.clear()
            case NotApplicable(path, line):
                self.not_applicable[path] = line
            case PhaseBegan() | PhaseEnded() | Lasted():
                self._time(event)
            case _:
                self._find(event)
        self.changed()

    def _find(self, event: object) -> None:
        """Takes down what was found out or done."""
        match event:
            case Looked(observed, plan):
                self._saw(observed, plan)
            case Drifted(drifts):
                self.drifts = drifts
            case Secured(manifest):
                self.backup = manifest
            case Pointed(point):
                self.point = point
            case Tried(table):
                self.uses = table
            case Rehearsed(traces):
                self.rehearsed = traces
            case Ran(patch, traces, applied):
                self.actual = self.actual.then(patch)
                self.traces += traces
                self.applied |= set() if applied is None else {applied}
            case LookedAfter(observed):
                self.after = observed
            case Validated(checks, queries):
                self.checks, self.queries = checks, queries

    def _saw(self, observed: Observed | None, plan: Plan | Rollback | None) -> None:
        """Takes down what was found before anything was run; what was found first stays."""
        if observed is not None and self.observed is None:
            self.observed = observed
        if isinstance(plan, Plan) and self.plan is None:
            self.plan = plan
        elif isinstance(plan, Rollback) and self.rollback is None:
            self.rollback = plan

    def _time(self, event: PhaseBegan | PhaseEnded | Lasted) -> None:
        """Takes down how long something lasts; what is cut off keeps no duration."""
        now_s = self.now_s()
        if isinstance(event, Lasted):
            start_s = max(0.0, now_s - event.ago_s)
            self.events.append(
                Event(
                    event.span,
                    event.title,
                    start_s,
                    event.duration_s,
                    event.detail,
                    on_copy=event.on_copy,
                    ended_well=event.ended_well,
                )
            )
        elif isinstance(event, PhaseBegan):
            self._phases.append((len(self.events), len(self.refusals)))
            self.events.append(Event(Span.PHASE, event.title, now_s, None))
        elif self._phases:
            place, refused = self._phases.pop()
            begun = self.events[place]
            self.events[place] = replace(
                begun, duration_s=now_s - begun.start_s, ended_well=len(self.refusals) <= refused
            )
