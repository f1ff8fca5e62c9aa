"""What lives as long as one start of the program: who runs it, the files as first read, what is remembered."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version as distribution_version
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from pyinfra.api import Host, State

from ..psql.script import Run
from ..settings import Connection
from .kept import kept

TOOL_VERSION = distribution_version("pyinfra-pgmigrate")

_T = TypeVar("_T")

_MOMENT_S = 1.0

# Name and time of change of each file, nanoseconds.
_Stamp = tuple[tuple[str, int], ...]

# A database, and the schema to which the work is limited: see ``Settings.scope``.
Target = tuple[Connection, str]


@dataclass(frozen=True)
class _Seen:
    at: float
    schema: str
    what: Any
    before_all: bool


@dataclass
class Memory:
    """What a run remembers of one database.

    + backup: label of the one that was taken before the migrations; empty where there is none
    + taken: the manifest of that backup; backup_folder: where it is
    + point: the restore point before the migrations, where there is one
    + may_copy: connections of which the role may make databases
    + not_applicable: files of the application that were told not to apply to it
    + rehearsed: what each statement did on the copy
    + unmeasured: why queries could not be measured before the migrations, by SQL folder and schema; one that is there
      has been measured
    + sizes: of tables that the plan locks, by name; None: it is not there
    + has_begun: something of the run was to change it
    + follows_others: operations that are not of this library come before it in the run
    + has_started: an operation of the run has worked on it; is_given_up: one has failed, and no other one follows
    """

    backup: str = ""
    taken: Any = None
    backup_folder: str = ""
    point: Any = None
    may_copy: set[Connection] = field(default_factory=set)
    not_applicable: set[str] = field(default_factory=set)
    rehearsed: tuple[Any, ...] = ()
    unmeasured: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    has_begun: bool = False
    follows_others: bool = False
    has_started: bool = False
    is_given_up: bool = False
    _seen: _Seen | None = None
    _planned: tuple[tuple[Any, ...], Any] | None = None

    def planned(self, of: tuple[Any, ...], plan: Callable[[], _T]) -> _T:
        """Returns what a function plans, or what it planned last where that was of the same.

        + of: all that the plan follows from
        """
        if self._planned is None or self._planned[0] != of:
            self._planned = (of, plan())
        return cast(_T, self._planned[1])

    def saw(self, seen: Any, schema: str, *, before_all: bool = False) -> None:
        """Keeps the database as a session has just left it, for what comes next.

        + schema: the target schema, from which it was seen
        + before_all: in the prepare phase: it counts for the first operation of the run, and for no other
        """
        if self._seen is None or self._seen.what is not seen:
            self._seen = _Seen(monotonic(), schema, seen, before_all)
        else:
            self._seen = replace(self._seen, before_all=before_all)

    def knows_more(self, seen: Any, more: Any) -> None:
        """Keeps the database with what else was asked of it, where it is the one that was last seen."""
        if self._seen is not None and self._seen.what is seen:
            self._seen = replace(self._seen, what=more)

    def just_seen(self, schema: str, *, has_run_anything: bool) -> Any:
        """Returns the database as it was seen a moment ago; None where nobody looked since it was changed.

        Hosts wait for each other between two operations: then a moment is over.

        + has_run_anything: an operation has come to its end, of whomever: it may have changed the database
        """
        kept = self._seen
        if kept is None or kept.schema != schema or monotonic() - kept.at > _MOMENT_S:
            return None
        return None if kept.before_all and has_run_anything else kept.what

    def changes(self) -> None:
        """Notes that something runs which may change the database: what was seen before does not count."""
        self._seen = None


@dataclass
class RunContext:
    """One start of the program, on all its hosts and databases.

    + run_id: a UUID
    + refused: databases on which something is refused, by host
    + declared: number of operations of this library, by host
    + secured: the backup that was taken of a database before the first of its schemas was migrated, by host and
      connection
    """

    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refused: dict[str, set[Target]] = field(default_factory=dict)
    declared: Counter[str] = field(default_factory=Counter)
    secured: dict[tuple[str, Connection], Any] = field(default_factory=dict)
    _memories: dict[tuple[str, Target], Memory] = field(default_factory=dict)
    _stamps: dict[tuple[Path, ...], _Stamp] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> RunContext:
        """Returns the context of a run of pyinfra."""
        return _contexts.setdefault(state, cls())

    def run_on(self, host: Host, scope: str = "") -> Run:
        """Returns who runs what from where, for the scripts of a host.

        + scope: the schema to which it is limited: for the registry, it is a run of its own
        """
        run_id = str(uuid.uuid5(uuid.UUID(self.run_id), scope)) if scope else self.run_id
        return Run(run_id, getpass.getuser(), socket.gethostname(), host.name, TOOL_VERSION, scope=scope)

    def refuse(self, host: Host, target: Target) -> None:
        """Notes that something is refused on a database."""
        self.refused.setdefault(host.name, set()).add(target)

    def forgive(self, host: Host, target: Target) -> bool:
        """Notes that nothing is refused on a database any more; returns whether that is so of all those of its host."""
        refused = self.refused.get(host.name, set())
        refused.discard(target)
        return not refused

    @property
    def given_up(self) -> int:
        """The number of databases on which an operation failed."""
        return sum(memory.is_given_up for memory in self._memories.values())

    def memory(self, host: Host, target: Target) -> Memory:
        """Returns what this run remembers of a database: two servers may each have one of its name."""
        return self._memories.setdefault((host.name, target), Memory())

    def read_once(self, read: Callable[..., _T], *arguments: Any, folders: tuple[Path, ...]) -> _T:
        """Returns what a function reads from folders, read once a run.

        What was looked at, and rehearsed, is what runs, whatever becomes of the files meanwhile; and programs that
        start many runs read files again only where they changed. From one run to the next see ``kept``.

        + folders: all that the function reads; one of them may be a file
        """
        if folders not in self._stamps:
            self._stamps[folders] = _stamp(folders)
        key = (read, arguments, self._stamps[folders])
        if key not in _files:
            _files[key] = kept(read, arguments, folders, TOOL_VERSION)
        return cast(_T, _files[key])


def _stamp(places: tuple[Path, ...]) -> _Stamp:
    """Returns what tells whether files are as they were; whoever reads them says what is wrong with one."""
    found: list[tuple[str, int]] = []
    for place in places:
        names = [str(place)]
        with suppress(OSError):
            names += sorted(entry.path for entry in os.scandir(place))
        found += [(name, _changed_at(name)) for name in names]
    return tuple(found)


def _changed_at(name: str) -> int:
    try:
        return os.stat(name).st_mtime_ns
    except OSError:
        return -1


class Prepared(Generic[_T]):
    """What the prepare phase found out about each database, for the operations that follow."""

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[Host, dict[str, _T]] = WeakKeyDictionary()

    def keep(self, host: Host, overrides: Mapping[str, Any], found: _T) -> None:
        """Keeps it for one database of a host.

        + overrides: host data keys that stand above the host's own
        """
        self._found.setdefault(host, {})[repr(sorted(overrides.items()))] = found

    def of(self, host: Host, overrides: Mapping[str, Any]) -> list[_T]:
        """Returns what was kept in a list; an empty one where nothing was."""
        kept = self._found.get(host, {})
        key = repr(sorted(overrides.items()))
        return [kept[key]] if key in kept else []


_contexts: WeakKeyDictionary[State, RunContext] = WeakKeyDictionary()

# What was read from files, by reader, arguments and stamp of the files.
_files: dict[tuple[Any, ...], Any] = {}
