"""What the steps of a run reported, as values. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..psql.answer import Answer
from ..registry.model import Verified
from ..registry.verify import verified_by


@dataclass(frozen=True)
class TracedTable:
    """A table at one moment of a step.

    + mode: the strongest lock that the step's session held on it, as pg_locks names it, or None
    + storage: another number once it was rewritten
    + size_bytes: with its indexes
    """

    name: str
    mode: str | None
    storage: int | None
    size_bytes: int


@dataclass(frozen=True)
class PutBack:
    """What a step put back from the quarantine.

    + object: table or column
    + put, left: rows put back, and rows that cannot be
    + rows: up to 20 of those, each by its key with the reason
    """

    object: str
    put: int
    left: int
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a step reported, or that it did not.

    + result: done, busy, moved, problems or unexpected
    + durations: milliseconds by number of the statement
    + foreign: lines that changed and that the effect does not promise, each with its sign
    + lacking: lines that it promises and that did not change
    + carried: lines of what others built and a promised change carried along, each with its sign
    + removed, added: lines that went and came
    + traces: tables after each statement by its number; 0 is before the first. Where there are none for a number, they
      are as after the statement before
    + put_back: what was put back from the quarantine
    + made: what others had built and was made again, with the reason where it was not, and whether it waits
    """

    result: str
    duration_ms: int = 0
    durations: tuple[tuple[int, int], ...] = ()
    rows: int = 0
    detail: str = ""
    foreign: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    verified: Verified | None = None
    removed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    traces: tuple[tuple[int, tuple[TracedTable, ...]], ...] = ()
    put_back: tuple[PutBack, ...] = ()
    made: tuple[tuple[str, str, bool], ...] = ()

    @property
    def surprise(self) -> str:
        """Why it was not done, in a line."""
        return "; ".join((*self.foreign[:3], *self.lacking[:3])) or self.result


def outcomes(answer: Answer) -> list[Outcome]:
    """Returns what the steps of ``script.apply`` reported, in order."""
    traces = defaultdict[int, list[tuple[int, tuple[TracedTable, ...]]]](list)
    for place, number, tables in answer.values("trace"):
        if tables is not None:
            traces[place].append((number, tuple(TracedTable(*table) for table in tables)))
    return [
        Outcome(
            result=found["result"],
            duration_ms=found.get("duration_ms", 0),
            durations=tuple((number, milliseconds) for number, milliseconds in found.get("durations", ())),
            rows=found.get("rows", 0),
            detail=found.get("detail", ""),
            foreign=tuple(found.get("foreign", ())),
            lacking=tuple(found.get("lacking", ())),
            carried=tuple(found.get("carried", ())),
            verified=verified_by(found["verified"]) if "verified" in found else None,
            removed=frozenset(found.get("removed", ())),
            added=frozenset(found.get("added", ())),
            put_back=tuple(
                PutBack(one["object"], one["put"], one["left"], tuple((key, reason) for key, reason in one["rows"]))
                for one in found.get("put_back", ())
            ),
            made=tuple((what, reason, waits) for what, reason, waits in found.get("made", ())),
            traces=tuple(traces[found["place"]]) if "place" in found else (),
        )
        for found in _reported(answer)
    ]


def _reported(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yields what was reported of each step: those of a group in one line."""
    for word, value in answer.lines:
        if word == "outcome":
            yield value
        elif word == "outcomes":
            yield from value
