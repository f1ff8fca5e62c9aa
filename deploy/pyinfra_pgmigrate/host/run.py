"""What lives as long as one start of the program: who runs it, the files as first read, what is remembered."""

from __future__ import annotations

import getpass
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from pyinfra.api import Host, State

from ..psql.script import Run

TOOL_VERSION = distribution_version("pyinfra-pgmigrate")

_T = TypeVar("_T")

# Name and time of change of each file, nanoseconds.
_Stamp = tuple[tuple[str, int], ...]


@dataclass
class Memory:
    """What a run remembers of one database.

    + backup: label of the one that was taken before the migrations; empty where there is none
    + taken: the manifest of that backup
    + not_applicable: files of the application that were told not to apply to it
    + rehearsed: what each statement did on the copy
    + unmeasured: why queries could not be measured before the migrations, by SQL folder and schema; one that is there
      has been measured
    """

    backup: str = ""
    taken: Any = None
    not_applicable: set[str] = field(default_factory=set)
    rehearsed: tuple[Any, ...] = ()
    unmeasured: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)


@dataclass
class RunContext:
    """One start of the program, on all its hosts and databases.

    + run_id: a UUID
    """

    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _memories: dict[tuple[str, str], Memory] = field(default_factory=dict)
    _stamps: dict[tuple[Path, ...], _Stamp] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> RunContext:
        """Returns the context of a run of pyinfra."""
        return _contexts.setdefault(state, cls())

    def run_on(self, host: Host) -> Run:
        """Returns who runs what from where, for the scripts of a host."""
        return Run(self.run_id, getpass.getuser(), socket.gethostname(), host.name, TOOL_VERSION)

    def memory(self, host: Host, database: str) -> Memory:
        """Returns what this run remembers of a database."""
        return self._memories.setdefault((host.name, database), Memory())

    def read_once(self, read: Callable[..., _T], *arguments: Any, folders: tuple[Path, ...]) -> _T:
        """Returns what a function reads from folders, read once a run.

        What was looked at, and rehearsed, is what runs, whatever becomes of the files meanwhile; and programs that
        start many runs read files again only where they changed.
        """
        if folders not in self._stamps:
            self._stamps[folders] = _stamp(folders)
        key = (read, arguments, self._stamps[folders])
        if key not in _files:
            _files[key] = read(*arguments)
        return cast(_T, _files[key])


def _stamp(folders: tuple[Path, ...]) -> _Stamp:
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return tuple((str(path), path.stat().st_mtime_ns) for path in files)


_contexts: WeakKeyDictionary[State, RunContext] = WeakKeyDictionary()

# What was read from files, by reader, arguments and stamp of the files.
_files: dict[tuple[Any, ...], Any] = {}
