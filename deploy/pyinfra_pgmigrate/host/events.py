"""What happens on one host, as events: whoever does something announces it, and who wants to know listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from pyinfra.api import Host

from ..errors import Refusal
from ..psql.script import Run


class Span(Enum):
    """What a span of time went into."""

    PHASE = "phase"  # an operation of the run as a whole
    STEP = "step"  # statements of one migration
    LOCK = "lock"  # a try that did not get its locks
    TURN = "turn"  # another run was at work


@dataclass(frozen=True)
class Started:
    """A deploy was begun on this database."""

    title: str


@dataclass(frozen=True)
class Told:
    """Lines were told."""

    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Refused:
    """Something was refused."""

    refusal: Refusal


@dataclass(frozen=True)
class Forgiven:
    """What was refused before does not count any more."""


@dataclass(frozen=True)
class NotApplicable:
    """A file of the application does not apply to this database.

    + line: that says so
    """

    path: str
    line: str


@dataclass(frozen=True)
class PhaseBegan:
    """An operation of the run began."""

    title: str


@dataclass(frozen=True)
class PhaseEnded:
    """The operation that began last ended; not announced where it was cut off."""

    title: str


@dataclass(frozen=True)
class Lasted:
    """Something has ended.

    + ago_s: seconds since it began; duration_s: seconds that it took
    + on_copy: it happened on a copy, not on the database itself
    """

    span: Span
    title: str
    ago_s: float
    duration_s: float
    detail: str = ""
    on_copy: bool = False
    ended_well: bool = True


class Listener(Protocol):
    """Takes in what happens to one database in one run."""

    def hear(self, event: object) -> None:
        """Takes in one event; what it does not know it passes over."""


class Silence:
    """Listens to nothing."""

    def hear(self, event: object) -> None:
        """Passes over whatever happens."""


# host, database, its place, run, folder of the reports on the controller or None -> who listens.
Listeners = Callable[[Host, str, str, Run, Path | None], Listener]

_makes: list[Listeners] = []


def subscribe(make: Listeners) -> None:
    """Names who listens to each database from now on."""
    _makes[:] = [make]


def listener_of(host: Host, database: str, place: str, run: Run, reports: Path | None) -> Listener:
    """Returns who listens to a database; nobody where nobody subscribed.

    + place: what tells it from another one of that name: server and schema
    + reports: folder of the reports on the controller; None: none is written
    """
    return _makes[0](host, database, place, run, reports) if _makes else Silence()
