"""One run at a time on the backups of a database: claimed, kept alive, cleaned up after the dead."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

from ..errors import PgMigrateError
from ..psql.script import prepared
from ..settings import Connection
from ..units import pace, size
from . import programs
from .keeper import Keeper
from .store import decoded


@contextmanager
def claimed_backups(keeper: Keeper) -> Iterator[None]:
    """Keeps other runs away from the backups of this database, and cleans up after dead ones."""
    _claim(keeper)
    done = Event()
    beating = gevent.spawn(_beat, keeper, done)
    try:
        yield
    finally:
        done.set()
        beating.join(timeout=10)
        beating.kill(block=False)
        keeper.session.call(programs.call("release", keeper.place))


def _claim(keeper: Keeper) -> None:
    deadline = monotonic() + keeper.settings.run_wait_s
    told = ""
    keeper.waited = False
    while True:
        answer = keeper.called(programs.call("claim", keeper.place, _stale_s(keeper)), "claim the backups of")
        busy = answer.value("busy")
        if busy is None:
            break
        run_id, age_s = busy
        if monotonic() > deadline:
            raise PgMigrateError.of(keeper.session.busy(f"run {run_id}, last seen {age_s} s ago"))
        keeper.waited = True
        if told != run_id:
            told = run_id
            keeper.session.tell(f"run {run_id} is at work on the backups of this database, waiting for it")
        gevent.sleep(random.uniform(0.3, 1.0))  # noqa: S311  (jitter, no secret)
    if answer.value("removed"):
        keeper.session.tell(f"    removed what {answer.value('removed')} killed run left of its backup")
    keeper.host_name = answer.value("host_name")
    keeper.run_file = decoded(answer.value("run_file"))
    for connection in {keeper.maintenance(), keeper.maintenance(keeper.settings.verify_host)}:
        copies = _copies(keeper, connection)
        if copies is None or copies:
            keeper.drop(keeper.copy_name("%"), connection, living=_living(keeper, copies or []))


def _copies(keeper: Keeper, connection: Connection) -> list[str | None] | None:
    """Returns what runs said of each copy of the database that is there, None of one that says nothing.

    None altogether where the server does not answer.
    """
    text = prepared(keeper.session.run, keeper.settings.schema, "backup/copies_there", scratch=keeper.copy_name("%"))
    answer = keeper.session.psql(text, connection, reads_only=True)
    if connection == keeper.maintenance() and (now := answer.value("now")) is not None:
        keeper.hears_time(now)
    found: list[str | None] | None = answer.value("copies")
    return found


def _living(keeper: Keeper, copies: list[str | None]) -> list[str]:
    """Returns the runs of this host that have copies there and are at work: such as have claimed another folder.

    This one has been claimed by us: whoever had it before is dead.
    """
    found = []
    for comment in copies:
        said = _SAID.search(comment or "")
        if said is None or said["host"] != keeper.host_name or said["file"] == keeper.run_file:
            continue
        other = replace(keeper.place, folder=said["file"].rpartition("/")[0])
        answer = keeper.session.call(programs.call("alive", other))
        claimed = answer.value("claimed") or ("", _stale_s(keeper))
        # Where nobody can tell, it is left.
        if answer.status != 0 or (claimed[0] == said["run"] and abs(claimed[1]) < _stale_s(keeper)):
            found.append(said["run"])
    return found


def _beat(keeper: Keeper, done: Event) -> None:
    told, started, course = "", monotonic(), Pace(keeper.table_bytes)
    told_at = started
    while not done.wait(_BEAT_S):
        answer = keeper.session.call(programs.call("beat", keeper.place))
        if not is_watched() and monotonic() - told_at < _UNWATCHED_S:
            continue
        course.total_bytes, course.backup_bytes = keeper.table_bytes, keeper.read_bytes
        text = course.line(_progress(keeper), monotonic(), answer.value("read_bytes"))
        if text not in ("", told) and not done.is_set():
            told, told_at = text, monotonic()
            keeper.session.tell(f"    {told_at - started:.0f} s: {text}")


@dataclass
class Pace:
    """How far dump and restore are, over all their tables, or the reading of a backup.

    + total_bytes: that the tables have together, about; 0: not known
    + backup_bytes: of the backup
    """

    total_bytes: int
    backup_bytes: int = 0
    _bytes: dict[str, dict[str, int]] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def line(self, sessions: Collection[Mapping[str, Any]], now_s: float, read_bytes: int | None = None) -> str:
        """Returns one line; empty where nothing of ours is at work.

        + sessions: as progress.sql has them
        + read_bytes: of the backup, by the program that only reads it
        """
        parts, works = [], []
        if read_bytes is not None:
            seconds = now_s - self._since.setdefault("read", now_s)
            parts.append(f"read: {pace(min(read_bytes, self.backup_bytes), self.backup_bytes, seconds)}")
        for session in sessions:
            work = " ".join(session["session"].split()[2:])
            if session["index"]:
                parts.append(f"{work}: index, {session['index']}")
            elif session["table"]:
                parts.append(f"{work}: {session['table']}, {session['rows']} rows, {size(session['bytes'] or 0)}")
                tables = self._bytes.setdefault(work, {})
                tables[session["table"]] = max(tables.get(session["table"], 0), session["bytes"] or 0)
                self._since.setdefault(work, now_s)
                works.append(work)
            elif work:
                parts.append(work)
        for work in dict.fromkeys(works):
            parts.append(f"in all {pace(sum(self._bytes[work].values()), self.total_bytes, now_s - self._since[work])}")
        return "; ".join(dict.fromkeys(parts))


def _progress(keeper: Keeper) -> Collection[Mapping[str, Any]]:
    # Table names can be told from within the database only: the copy, once there is one.
    connection = None
    if keeper.copies_made:
        connection = replace(
            keeper.maintenance(keeper.settings.verify_host), database=keeper.copy_name(keeper.copies_made)
        )
    answer = keeper.session.psql(prepared(keeper.session.run, keeper.settings.schema, "backup/progress"), connection)
    found: list[Mapping[str, Any]] = answer.value("progress") or []
    return found


# A sign of life is given that often.
_BEAT_S = 3.0

# Where nobody looks on, a line of progress is told that often.
_UNWATCHED_S = 60.0


def _stale_s(keeper: Keeper) -> int:
    """Returns the seconds without a sign of life after which a run at work on backups is dead: several are missing."""
    return round(2 * keeper.settings.run_stale_s)


# What make_scratch.sql says of a copy.
_SAID = re.compile(r"made by run (?P<run>\S+) on (?P<host>.*); may be dropped .*, which (?P<file>/.*) tells$")


def is_watched() -> bool:
    """Tells whether somebody looks on, to whom progress may be told."""
    return sys.stderr.isatty()
