"""One database, or a hundred, at a glance: what status.py tells. Lines of text, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..drift.entries import Change, Drift, Drifts
from ..migrations.files import Migration
from ..planning.decision import Action, Decision, state_of, would
from ..planning.plan import Plan
from ..registry.model import Observed
from ..units import age, size
from .console import heading, powers

# Differences that are told; validate.py tells all.
_MOST_DRIFTS = 10
_WIDTH = 76


@dataclass(frozen=True)
class Told:
    """Lines that belong together, and the colour that a terminal shows them in; None for its own."""

    lines: tuple[str, ...]
    colour: str | None = None


def status_parts(
    observed: Observed, plan: Plan, migrations: Sequence[Migration], drifts: Drifts | None
) -> Iterator[Told]:
    """Yields the state of a database, each line at most 80 characters where names allow it.

    + drifts: what others changed; None where nobody knows
    """
    yield Told((heading(observed),))
    if told := powers(observed.server):
        yield Told((f"WARN: {told}",), "yellow")
    applied = [migration for migration in migrations if migration.version in observed.applied]
    yield Told((f"{len(applied)} of {len(migrations)} migrations applied",))
    for decision in plan.decisions:
        line, colour = _status_line(decision)
        yield Told((line,), colour)
    if observed.other_run is not None:
        yield Told((f"a run is at work: {observed.other_run.operator}",), "yellow")
    yield _backup_line(observed)
    yield Told(tuple(_point_lines(observed)))
    yield Told(tuple(_quarantine_lines(observed)))
    yield Told(tuple(_drift_lines(drifts)), None if drifts is not None and not drifts.entries else "yellow")


def shortened(text: str, most: int = _WIDTH) -> str:
    """Returns a text in one line of at most so many characters.

    >>> shortened("a definition that goes on", most=15)
    'a definition...'
    """
    line = re.sub(r"(?:\s|\\n)+", " ", text)
    return line if len(line) <= most else line[: most - 3].rstrip() + "..."


def _status_line(decision: Decision) -> tuple[str, str | None]:
    row = decision.row
    if row is not None and decision.action is Action.NONE:
        who = row.applied_by.split(", for ")[-1]
        return f"    {row.name:34} {row.how:9} {row.applied_at[:16].replace('T', ' ')}  {who}", None
    words = f"    {decision.migration.name:34} {state_of(decision)}"
    if decision.reason:
        return f"{words}: {decision.reason}", "yellow"
    if decision.action in (Action.NONE, Action.HOLD, Action.STOP):
        return words, "yellow"
    gone, come = len(decision.patch.minus), len(decision.patch.plus)
    lines = f", -{gone} +{come} lines" if gone or come else ""
    return f"{words}: would {would(decision)}{lines}", "yellow"


def _point_lines(observed: Observed) -> Iterator[str]:
    point = None if observed.registry is None else observed.registry.restore_point
    if point is not None:
        yield f"restore point {age(point.age_s)} old: {point.name or point.lsn}"
        yield f"    {point.recover}"


def _backup_line(observed: Observed) -> Told:
    registry = observed.registry
    backup = None if registry is None else registry.backup
    if backup is None and registry is not None and registry.restore_point is not None:
        return Told(())
    if backup is None:
        return Told(("no verified backup",), "yellow")
    how = "restored and compared" if backup.verification == "restore" else "read from end to end"
    return Told((f"backup {age(backup.age_s)} old, {how}, {size(backup.size_bytes)}: {backup.label}",))


_QUARANTINED = {
    "table": "{0.rows} rows of {0.object}",
    "column": "{0.rows} values of {0.object}",
    "row": "{0.rows} rows moved out of {0.object}",
    "name": "{0.rows} values of {0.object} from before they were renamed",
    "reference": "{0.rows} values of {0.object}, which pointed at moved rows",
    "sequence": "where {0.rows} sequences were",
    "definition": "how to make again: {0.object}",
}


def _quarantine_lines(observed: Observed) -> Iterator[str]:
    kept = () if observed.registry is None else observed.registry.quarantines
    for run_id in dict.fromkeys(one.run_id for one in kept):
        of_run = [one for one in kept if one.run_id == run_id]
        whole = size(sum(one.size_bytes for one in of_run))
        yield f"in the quarantine of run {run_id[:8]}, since {of_run[0].at} ({age(of_run[0].age_s)}), {whole}:"
        for one in of_run:
            yield f"    {_QUARANTINED[one.kind].format(one)}"
        yield f"    to throw it away: deploy/status.py --data pg_quarantine_drop={run_id[:8]}"


def _drift_lines(drifts: Drifts | None) -> Iterator[str]:
    if drifts is None:
        yield "no registry yet: nothing is known about drift"
        return
    yield f"drift since the last run: {drifts.counts}" if drifts.entries else "no drift"
    for one in drifts.entries[:_MOST_DRIFTS]:
        yield from _drift_entry(one)
    if len(drifts.entries) > _MOST_DRIFTS:
        yield f"    and {len(drifts.entries) - _MOST_DRIFTS} more; all of them: deploy/validate.py"
    if drifts.ignored:
        yield f"    {len(drifts.ignored)} line{'s' if len(drifts.ignored) > 1 else ''} ignored by pg_drift_ignore"
    if drifts.notes:
        more = f", and {len(drifts.notes) - 1} more such" if len(drifts.notes) > 1 else ""
        yield f"    ignored (not drift): {drifts.notes[0]}{more}"


def _drift_entry(one: Drift) -> Iterator[str]:
    origin = f", of {one.migration}" if one.migration else ""
    yield f"    {one.kind.value:8} {shortened(one.key, _WIDTH)}{origin}"
    if one.kind is Change.CHANGED:
        yield f"             found {shortened(_short(one.found, one.key))}"
        yield f"             expected {shortened(_short(one.expected, one.key))}"
    first, *rest = one.repair.splitlines() or [""]
    yield f"             fix: {shortened(first)}{' ...' if rest else ''}"


def _short(text: str, key: str) -> str:
    """Returns a line without the key that stands before it already."""
    return text.removeprefix(f"{key} ") if text != key else "no more than that"


@dataclass(frozen=True)
class Summary:
    """One database in one line.

    + verdict: in a word or two
    """

    host: str
    database: str = ""
    server: str = ""
    role: str = ""
    size: str = ""
    done: str = ""
    due: str = ""
    backup: str = ""
    drift: str = ""
    verdict: str = "not reached"


def summary(
    host: str,
    name: str,
    observed: Observed,
    plan: Plan,
    migrations: Sequence[Migration],
    drifts: Drifts | None,
    *,
    strict: bool,
) -> Summary:
    """Returns a database in one line.

    + name: what it is called
    + drifts: what others changed; None where nobody knows
    + strict: what is extra counts as drift
    """
    backup = None if observed.registry is None else observed.registry.backup
    applied = sum(one.version in observed.applied for one in migrations)
    return Summary(
        host,
        name,
        observed.server.version.split()[0],
        "standby" if observed.server.in_recovery else "primary",
        size(observed.server.size_bytes),
        f"{applied}/{len(migrations)}",
        str(len(plan.changes)),
        "none" if backup is None else age(backup.age_s),
        "?" if drifts is None else str(len(drifts.entries)),
        _verdict(observed, plan, drifts, strict=strict),
    )


def _verdict(observed: Observed, plan: Plan, drifts: Drifts | None, *, strict: bool) -> str:
    if plan.refusals:
        return plan.refusals[0].kind.value
    if observed.other_run is not None:
        return "run at work"
    if drifts is not None and drifts.fails(strict=strict):
        return "drifted"
    if plan.changes:
        return "pending"
    if plan.held:
        return "held"
    return "extra" if drifts is not None and drifts.entries else "good"


def table(rows: Iterable[Summary]) -> Iterator[str]:
    """Yields databases one below the other, with a heading."""
    names = list(Summary.__dataclass_fields__)
    lines = [names, *([getattr(row, name) or "-" for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    for line in lines:
        yield "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
