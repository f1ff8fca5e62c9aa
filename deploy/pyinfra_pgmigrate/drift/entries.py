"""Schema drift by object: what was changed, where it comes from, and its repair. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..catalog.lines import Patch


class Change(Enum):
    """What became of something that was there when the last run ended."""

    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"


@dataclass(frozen=True)
class Drift:
    """One difference.

    + key: kind and name of the object; of an owner or a right with that word in front
    + found, expected: catalog lines, or "missing" and "nothing of that name"
    + migration: name of the one that made what was expected; empty where it is from before, or extra
    + repair: SQL that leads back, or the next command where a line does not tell the SQL
    + patch: the lines it stands for; statements: of the repair, where it is SQL
    """

    kind: Change
    key: str
    found: str
    expected: str
    migration: str = ""
    repair: str = ""
    patch: Patch = field(default_factory=Patch, compare=False)
    statements: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Drifts:
    """All differences of a database.

    + ignored: lines that ``pg_drift_ignore`` names
    + notes: what changed and is no drift, a line each
    + harmless: those lines, which nothing else needs to tell either
    """

    entries: tuple[Drift, ...] = ()
    ignored: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    harmless: frozenset[str] = frozenset()

    def of(self, kind: Change) -> tuple[Drift, ...]:
        """Returns the differences of one kind."""
        return tuple(one for one in self.entries if one.kind is kind)

    def fails(self, *, strict: bool) -> bool:
        """Tells whether something is missing or changed, or, when strict, extra."""
        return any(strict or one.kind is not Change.EXTRA for one in self.entries)

    @property
    def counts(self) -> str:
        """How many there are of each kind, such as ``2 missing, 1 extra``; empty where there is none."""
        found = [(len(self.of(kind)), kind.value) for kind in Change]
        return ", ".join(f"{count} {name}" for count, name in found if count)
