"""What the application does at each moment of a rehearsal: before the migrations, between and after them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ..application.compatibility import Use
from ..errors import Kind, Refusal

# SQLSTATE of a statement that did what it should.
DONE = "00000"


class Works(Enum):
    """Whether something that the application does is possible at a moment."""

    WORKS = "works"
    NO_MORE = "no more"
    FAILS = "fails"


@dataclass(frozen=True)
class Moment:
    """One moment of a rehearsal.

    + name: of the migration that has just been run; empty before the first
    + versions: of the migrations that were run since the moment before
    + answers: why a use is not possible, by its name, empty where it is; None where nobody could try
    """

    name: str
    versions: tuple[int, ...]
    answers: Mapping[str, str] | None


@dataclass(frozen=True)
class Row:
    """One use at all moments; reasons are empty where it works."""

    use: str
    purpose: str
    states: tuple[Works, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """What a statement answered that one session prepared before the migrations and held open.

    + moment: place of the moment, from 0, before the first migration
    + state: SQLSTATE when it was executed; again: a second time; reprepared: once it was prepared again, empty where it
      could not be
    + reason: the server's message; empty where it worked
    """

    use: str
    moment: int
    state: str
    reason: str
    again: str
    reprepared: str


@dataclass(frozen=True)
class Table:
    """What the application does, by use and moment.

    + moments: names as in ``Moment``
    + held: answers of the session that was held open
    + lack: why that session did not answer to the end; empty where it did
    """

    moments: tuple[str, ...]
    rows: tuple[Row, ...]
    held: tuple[Held, ...] = ()
    lack: str = ""


@dataclass(frozen=True)
class Tried:
    """What the application does was tried at each moment: an event."""

    table: Table


def table_of(
    uses: Sequence[Use], moments: Sequence[Moment], applied: Collection[int], held: Sequence[Held] = (), lack: str = ""
) -> Table:
    """Returns the table of a rehearsal.

    + applied: versions of the migrations that held before it
    """
    rows = []
    for use in uses:
        done = set(applied)
        states, reasons = [], []
        for moment in moments:
            done |= set(moment.versions)
            why = "not tried" if moment.answers is None else moment.answers.get(use.name, "not tried")
            reasons.append(why)
            is_over = use.until is not None and use.until in done
            states.append(Works.WORKS if not why else Works.NO_MORE if is_over else Works.FAILS)
        rows.append(Row(use.name, use.purpose, tuple(states), tuple(reasons)))
    return Table(tuple(moment.name for moment in moments), tuple(rows), tuple(held), lack)


def broken(table: Table) -> Refusal | None:
    """Returns which use worked before and fails after a migration, the first of them, or None."""
    for place, name in enumerate(table.moments):
        for row in table.rows:
            if row.states[place] is Works.FAILS and row.states[0] is Works.WORKS:
                return Refusal(
                    Kind.REHEARSAL,
                    f'compatibility/{row.use}.sql worked before and fails after migration "{name}": {row.purpose}',
                    f"Found: {row.reasons[place]}; expected it to go on working, as the application does it. Once it "
                    f'does that no more, the file may say "-- until: {name.split("_")[0]}".',
                    "Correct the migration.",
                )
    return None


def table_lines(table: Table) -> Iterator[str]:
    """Yields the table for people: one line where all works that should, and notes."""
    if not table.rows:
        return
    for row in table.rows:
        if row.states[0] is Works.FAILS:
            yield f"note: compatibility/{row.use}.sql already failed before the migrations: {row.reasons[0]}"
    count = len(table.moments) - 1
    when = f"before and after each of {count} migrations" if count > 1 else "before and after"
    steady = [row for row in table.rows if Works.FAILS not in row.states]
    if len(steady) == len(table.rows):
        over = [f"{row.use} {_over(row, table.moments)}" for row in table.rows if Works.NO_MORE in row.states]
        yield (
            f"application compatibility: {len(steady)} of {len(table.rows)} checks pass {when}"
            f"{''.join(f', {one}' for one in over)}"
        )
    else:
        width = max(len(row.use) for row in table.rows)
        short = [name.split("_")[0] or "before" for name in table.moments]
        yield f"{'':{width}}  {'  '.join(f'{one:7}' for one in short)}".rstrip()
        for row in table.rows:
            yield f"{row.use:{width}}  {'  '.join(f'{one.value:7}' for one in row.states)}".rstrip()
    yield from _held_lines(table)


def _over(row: Row, moments: Sequence[str]) -> str:
    name = moments[row.states.index(Works.NO_MORE)]
    return f"until {name.split('_')[0]}" if name else "no more"


def _held_lines(table: Table) -> Iterator[str]:
    for one in table.held:
        if one.state == DONE:
            continue
        again = "it fails again" if one.again != DONE else "it works the second time"
        reprepared = (
            "works once it is prepared again"
            if one.reprepared == DONE
            else f"fails prepared again, too ({one.reprepared})"
        )
        reprepared = reprepared if one.reprepared else "cannot be prepared again"
        name = table.moments[one.moment] or "nothing"
        advice = "Let sessions that hold such statements connect again or DISCARD ALL after it, or name the columns."
        yield (
            f"WARN: compatibility/{one.use}.sql, prepared before and held open, fails after {name}: {one.reason} "
            f"(SQLSTATE {one.state}); {again}, and {reprepared}." + (f" {advice}" if one.reprepared == DONE else "")
        )
    if table.lack:
        yield f"WARN: the session that holds prepared statements open did not answer to the end: {table.lack}"
