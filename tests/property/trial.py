"""Many histories, one after the other: written, checked, counted; the first failure of each kind made small and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from .check import CHECKS, Checker, Failure, RefusedByPsqlError
from .histories import DiscardedError, History, write_history
from .minimal import fails_alike, keep, minimal


@dataclass
class Figures:
    """What a trial comes to.

    + discarded: drawn, but not taken by psql as a whole
    + kinds: statements by the operation that wrote them
    """

    histories: int = 0
    discarded: int = 0
    migrations: int = 0
    statements: int = 0
    refused: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        refusals = sum(count for kind, count in self.failures.items() if "differs" not in kind)
        differences = sum(count for kind, count in self.failures.items() if "differs" in kind)
        lines = [
            f"{self.histories} histories with {self.migrations} migrations and {self.statements} statements of "
            f"{len(self.kinds)} kinds in {self.seconds:.0f} s; refusals: {refusals}, differences: {differences} "
            f"({self.discarded} drawn that psql does not take, {self.refused} statements left out)",
            *(f"{count} {kind}" for kind, count in self.failures.most_common()),
        ]
        return "\n".join(lines)


@dataclass
class Trial:
    """Tries histories on one server.

    + minimize_s: seconds for making one failure small; 0: it is kept as it is
    """

    checker: Checker
    figures: Figures
    minimize_s: float = 60.0
    failures: dict[str, tuple[Failure, Path]] = field(default_factory=dict)

    def try_one(self, name: str, random: Random, checks: Collection[str] = CHECKS) -> bool:
        """Writes and checks a history; tells whether it was one."""
        started = monotonic()
        try:
            history = self._written(random)
            found = self.checker.check(history, random, checks)
        except (DiscardedError, RefusedByPsqlError):
            self.figures.discarded += 1
            return False
        self.figures.histories += 1
        self.figures.migrations += len(history.files)
        self.figures.statements += len(history.statements)
        self.figures.kinds.update(one.what for one in history.statements)
        self.figures.failures.update(one.kind for one in found)
        for failure in found:
            self._keep(name, history, failure)
        self.figures.seconds += monotonic() - started
        return True

    def _written(self, random: Random) -> History:
        with self.checker.server.database("empty") as database:
            history, refused = write_history(random, database.session)
        self.figures.refused += len(refused)
        return history

    def _keep(self, name: str, history: History, failure: Failure) -> None:
        if failure.kind in self.failures:
            return
        if self.minimize_s:
            history = minimal(history, fails_alike(self.checker, failure), budget_s=self.minimize_s)
        self.failures[failure.kind] = failure, keep(f"{name}-{len(self.failures)}", history, failure)

    def note(self, record_property: Callable[[str, Any], None]) -> None:
        """Prints the figures at the end of the tests."""
        record_property("figures", str(self.figures))

    @property
    def told(self) -> str:
        """All failures, one of each kind, with where its files are."""
        return "\n\n".join(f"{failure.kind}\n{folder}\n{failure.detail}" for failure, folder in self.failures.values())
