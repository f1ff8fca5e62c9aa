"""What each statement did on one database, against what its effect predicts and what a rehearsal found. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalog.lines import Patch, key_of
from ..migrations.effect import Lock, StatementEffect
from ..sqltext.lock_modes import MODES
from ..units import size
from .outcome import Outcome, TracedTable
from .steps import Step

# The strongest lock that everyday writers take.
_WRITERS = MODES.index("RowExclusiveLock")


@dataclass(frozen=True)
class StatementTrace:
    """One statement as it ran.

    + effect: what it was recorded to do
    + duration_ms: None where it was timed together with those after it
    + locks: on tables that were there before it; None outside a transaction, where none is left to see
    + rewrites: tables that it rewrote
    + size_bytes: by how much these tables and their indexes grew
    + lines: catalog lines of its effect that really changed
    + unpredicted: locks, stronger than a writer's own, that no effect of its step names
    """

    migration: str
    effect: StatementEffect
    duration_ms: int | None
    locks: tuple[Lock, ...] | None
    rewrites: tuple[str, ...]
    size_bytes: int
    lines: int
    unpredicted: tuple[Lock, ...] = ()


@dataclass(frozen=True)
class Ran:
    """A step changed the database: an event.

    + patch: the lines that went and came
    + applied: version of the migration that it was the last step of
    """

    patch: Patch
    traces: tuple[StatementTrace, ...]
    applied: int | None = None


@dataclass(frozen=True)
class Rehearsed:
    """A plan was run on a copy: an event."""

    traces: tuple[StatementTrace, ...]


def traces_of(step: Step, outcome: Outcome) -> Iterator[StatementTrace]:
    """Yields what the statements of a finished step did."""
    made = {key_of(line).split(" ", 1)[1] for line in step.patch.plus if line.startswith("table ")}
    samples = dict(outcome.traces)
    durations = dict(outcome.durations)
    in_transaction = step.in_transaction
    before: Mapping[str, TracedTable] = {table.name: table for table in samples.get(0, ())}
    predicted: dict[str, int] = {}
    for lock in (lock for effect in step.effects for lock in effect.locks):
        predicted[lock.relation] = max(predicted.get(lock.relation, 0), MODES.index(lock.mode))
    tables = {name: table for name, table in before.items() if name not in made}
    for effect in step.effects:
        if effect.number in samples:
            tables = {table.name: table for table in samples[effect.number] if table.name not in made}
        locks = tuple(_locks(before, tables, effect)) if in_transaction else None
        yield StatementTrace(
            migration=step.migration.name,
            effect=effect,
            duration_ms=durations.get(effect.number),
            locks=locks,
            rewrites=tuple(
                name
                for name, table in sorted(tables.items())
                if name in before and before[name].storage != table.storage
            ),
            size_bytes=sum(
                table.size_bytes - before[name].size_bytes for name, table in tables.items() if name in before
            ),
            lines=len(effect.patch.plus & outcome.added) + len(effect.patch.minus & outcome.removed),
            unpredicted=tuple(
                lock for lock in locks or () if MODES.index(lock.mode) > max(_WRITERS, predicted.get(lock.relation, 0))
            ),
        )
        if effect.number in samples:
            before = {**before, **tables}


def _locks(
    before: Mapping[str, TracedTable], now: Mapping[str, TracedTable], effect: StatementEffect
) -> Iterator[Lock]:
    """Yields the locks that a statement needed: those that it names and that are held, and any that are new.

    All locks of a step are taken before its first statement: of one that was held already, no more can be
    seen than that it is strong enough.
    """
    named = {lock.relation: lock.mode for lock in effect.locks}
    for name, table in sorted(now.items()):
        if table.mode is None:
            continue
        is_new = name not in before or before[name].mode != table.mode
        if name in named and not is_new and MODES.index(table.mode) >= MODES.index(named[name]):
            yield Lock(named[name], name)
        elif name in named or is_new:
            yield Lock(table.mode, name)


def rehearsed_lines(traces: Sequence[StatementTrace], *, most: int) -> Iterator[str]:
    """Yields what a rehearsal found, a line a statement.

    + most: from so many statements on, only their sum and what was not predicted
    """
    if len(traces) >= most:
        yield f"    {len(traces)} statements in {_lasted(traces)} ms"
    for trace in traces:
        if len(traces) < most:
            yield f"    {_named(trace)}: {_done(trace)}; {_locks_told(trace)}"
        yield from _deviations(trace)


def compared_lines(
    rehearsed: Sequence[StatementTrace], actual: Sequence[StatementTrace], *, most: int
) -> Iterator[str]:
    """Yields rehearsal against run, for each statement that was in both.

    + most: from so many statements on, only their sums and what was not predicted
    """
    before = {(trace.migration, trace.effect.number): trace for trace in rehearsed}
    pairs = [(before.get((trace.migration, trace.effect.number)), trace) for trace in actual]
    if len(pairs) >= most:
        rehearsed_ms = _lasted(was for was, _ in pairs if was is not None)
        run_ms = _lasted(now for _, now in pairs)
        yield f"    {len(pairs)} statements: rehearsed {rehearsed_ms} ms, run {run_ms} ms"
    for was, trace in pairs:
        if was is not None and len(pairs) < most:
            yield f"    {_named(trace)}: rehearsed {_done(was)}"
            yield f"        run {_done(trace)}; {_locks_told(trace)}"
        yield from _deviations(trace)


def _lasted(traces: Iterable[StatementTrace]) -> int:
    return sum(trace.duration_ms or 0 for trace in traces)


def _done(trace: StatementTrace) -> str:
    total = len(trace.effect.patch.plus) + len(trace.effect.patch.minus)
    grown = f"{'+' if trace.size_bytes >= 0 else '-'}{size(abs(trace.size_bytes))}"
    took = "with those after it" if trace.duration_ms is None else f"{trace.duration_ms} ms"
    return f"{took}, {trace.lines} of {total} lines changed, {grown}"


def _locks_told(trace: StatementTrace) -> str:
    if trace.locks is None:
        predicted = ", ".join(f"{lock.mode} on {lock.relation}" for lock in trace.effect.locks)
        return f"expected locks: {predicted}" if predicted else "no table lock"
    found = ", ".join(f"{lock.mode} on {lock.relation}" for lock in trace.locks)
    return f"{found}" if found else "no table lock"


def _deviations(trace: StatementTrace) -> Iterator[str]:
    for lock in trace.unpredicted:
        yield f"        note: {_named(trace)}: {lock.mode} on {lock.relation} is not in its effect"
    for table in trace.rewrites:
        predicted = "as its effect says" if table in trace.effect.rewrites else "which its effect does not say"
        yield f"        note: {_named(trace)}: rewrote every row of {table}, {predicted}"


def _named(trace: StatementTrace) -> str:
    return f"{trace.migration}, statement {trace.effect.number}"
