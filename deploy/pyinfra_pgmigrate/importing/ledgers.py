"""What the table of another migration tool says was applied before this tool came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Tools whose files look alike, so that the folder alone does not tell whose they are.
_ALIKE = {
    "numbered": frozenset({"sqlx", "Supabase", "dbmate"}),
    "golang-migrate": frozenset({"golang-migrate", "sqlx"}),
}


@dataclass(frozen=True)
class Ledger:
    """The table in which another tool keeps what it has applied.

    + table: with its schema
    + rows: key, whether it was applied, and whether that is true of all before it, too
    """

    tool: str
    table: str
    rows: tuple[tuple[str, bool, bool], ...]


@dataclass(frozen=True)
class Stated:
    """Up to which migration all were applied, by the word of a ledger.

    + version: 0 for none
    + missing: one that it says was not applied, or not to its end, before others that it says were
    """

    table: str
    version: int
    missing: str = ""


def ledgers_in(found: Mapping[str, Any] | None) -> tuple[Ledger, ...]:
    """Returns the ledgers of an answer; none once a rollback has taken something back that they still name."""
    if found is None or found["has_reverted"]:
        return ()
    return tuple(
        Ledger(one["tool"], one["table"], tuple((key, done, every) for key, done, every in one["rows"]))
        for one in found["ledgers"]
    )


@dataclass(frozen=True)
class Imported:
    """A migration that was imported: its number, its name, and how its tool calls it."""

    version: int
    name: str
    tool: str
    key: str


def stated_by(ledgers: Sequence[Ledger], imported: Sequence[Imported]) -> Stated | None:
    """Returns what the ledger of the tool that migrations were imported from says of them; None where there is none.

    + imported: in order
    """
    for ledger in ledgers:
        known = [(one, _plain(one.key)) for one in imported if _may_be_of(one.tool, ledger.tool)]
        rows = [(_plain(key), done, every) for key, done, every in ledger.rows]
        if {key for _, key in known} & {key for key, _, _ in rows}:
            return _stated(ledger.table, known, rows)
    return None


def _may_be_of(origin: str, tool: str) -> bool:
    return tool in _ALIKE.get(origin, frozenset({origin}))


def _plain(key: str) -> str:
    """Returns a key without zeros before its number: some tools keep a number, some the digits of the file's name."""
    return str(int(key)) if key.isdigit() else key


def _stated(table: str, known: Sequence[tuple[Imported, str]], rows: Sequence[tuple[str, bool, bool]]) -> Stated:
    # A key that comes twice was applied twice, under two texts.
    left = Counter(key for key, done, _ in rows if done)
    failed = {key for key, done, _ in rows if not done}
    every = {key for key, done, is_all in rows if done and is_all}
    last = max((place for place, (_, key) in enumerate(known) if key in every), default=-1)
    applied = []
    for place, (_, key) in enumerate(known):
        applied.append(place <= last or left[key] > 0)
        left[key] -= 1
    end = max((place for place, is_applied in enumerate(applied) if is_applied), default=-1)
    lacking = [one.name for one, key in known if key in failed]
    lacking += [one.name for (one, _), is_applied in zip(known[: max(end, 0)], applied, strict=False) if not is_applied]
    return Stated(table, known[end][0].version if end >= 0 else 0, lacking[0] if lacking else "")
