"""Command lines of the backups: the shell programs of ``sh``, with their arguments. Pure.

Each runs in a session of its own (setsid), so that a later run can end all that a killed one left at work.
Needs on the host, besides PostgreSQL's programs: util-linux (flock, setsid), GNU coreutils and findutils.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass

from ..psql.command import Command, conninfo
from ..psql.script import joined
from ..resources import read_sql, shell_program
from ..settings import Connection


@dataclass(frozen=True)
class Place:
    """Where the backups of one database are on its host, and who works there.

    + folder: empty for the one in the home of the operating-system user
    """

    connection: Connection
    folder: str
    run_id: str

    @property
    def key(self) -> str:
        """The database's name as part of file names."""
        return key_of_database(self.connection.database)


def key_of_database(name: str) -> str:
    """Returns a name for files: letters, digits, - and _; another for each database.

    >>> key_of_database("stage"), key_of_database("my shop")
    ('stage', 'my_shop-21e023')
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:40]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def call(program: str, place: Place, *arguments: object, lines: str = "") -> Command:
    """Returns the command that runs a shell program of the package.

    + arguments: those of its own, after the ones that all share
    + lines: what it reads from standard input after the password
    """
    connection = place.connection
    shared = [
        place.folder,
        place.key,
        place.run_id,
        "" if connection.bin_dir is None else connection.bin_dir.rstrip("/") + "/",
    ]
    words = [*shared, *map(str, arguments)]
    line = " ".join(
        ["setsid --wait sh -c", shlex.quote(shell_program(f"backup/{program}")), "pgmigrate", *map(shlex.quote, words)]
    )
    password = "" if connection.password is None else connection.password.reveal()
    return Command(line, (password, lines) if lines else (password,))


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def dump(place: Place, label: str, script: str, *, jobs: int, compression: str) -> Command:
    """Returns the command that dumps the database and counts and hashes its rows.

    + compression: as pg_dump takes it; empty for what pg_dump does by itself
    """
    return call("dump", place, label, conninfo(place.connection), jobs, compression, _checksum(script), lines=script)


def seal(place: Place, label: str, contents: str, catalog: str, manifest: str) -> Command:
    """Returns the command that completes a dump; each text is one line."""
    lines = f"{contents}\n{catalog}\n{manifest}\n"
    return call("seal", place, label, _checksum(lines), lines=lines)


def rewrite(place: Place, label: str, manifest: str) -> Command:
    """Returns the command that writes a manifest, of one line, again."""
    lines = f"{manifest}\n"
    return call("rewrite", place, label, _checksum(lines), lines=lines)


@dataclass(frozen=True)
class Target:
    """Where a copy is made.

    + connection: to it, as its role
    + ours: to it, as the role of the connection; None where the copy has no role of its own
    """

    connection: Connection
    ours: Connection | None = None

    @property
    def arguments(self) -> tuple[str, str, str, str]:
        """What into.sh takes of it."""
        ours = "" if self.ours is None else conninfo(self.ours)
        return conninfo(self.connection), ours, self.connection.user or "", read_sql("copies/hand_over")


def _password(connection: Connection) -> str:
    """Returns the line of standard input with the password of another role than that of the connection."""
    return f"{'' if connection.password is None else connection.password.reveal()}\n"


def read(place: Place, label: str) -> Command:
    """Returns the command that reads all of a backup and keeps nothing."""
    return call("restore", place, label, "", "", "", "", "none")


def restore(place: Place, label: str, into: Target, *options: str, jobs: int, tells: str = "none") -> Command:
    """Returns the command that restores a backup into a copy.

    + into: there and empty
    + options: of pg_restore
    + tells: which statements of the dump it tells, too: all, those of the structure, or none
    """
    arguments = (*into.arguments, tells, "--no-subscriptions", f"--jobs={jobs}", *options)
    return call("restore", place, label, *arguments, lines=_password(into.connection))


# Rows of a large table that a sample has, besides those that others reference; a small one comes whole.
_SAMPLE_ROWS = 1000
_SMALL_BYTES = 1024**2


def sample_script() -> str:
    """Returns the script that prints a sample of the rows."""
    return joined(read_sql(name) for name in ("backup/sample_begin", "psql/reading", "backup/sample"))


def copy_structure(
    place: Place, into: Target, *, has_registry: bool, has_sample: bool = False, takes_statistics: bool = False
) -> Command:
    """Returns the command that copies the structure of the database into a copy, there and empty.

    + has_sample: with all rows of small tables and some of the others, each with what it references
    + takes_statistics: with a sample, the planner's statistics of the database come, too
    """
    rows = _SAMPLE_ROWS if has_sample else 0
    # Not an argument: together with the program it would be too long for one.
    sample = sample_script() if has_sample else ""
    registry, statistics = ("true" if one else "false" for one in (has_registry, takes_statistics))
    sampling = (rows, _SMALL_BYTES, _checksum(sample), statistics)
    arguments = (conninfo(place.connection), *into.arguments, registry, *sampling)
    return call("copy_structure", place, *arguments, lines=_password(into.connection) + sample)


def explain(place: Place, then: Connection, script: str, *, most: int) -> Command:
    """Returns the command that compares rows of a restored copy with those of the database by key.

    + then: the copy
    + most: how many keys it names of each kind
    """
    now = conninfo(place.connection)
    arguments = (conninfo(then), now, _checksum(script), most)
    return call("explain", place, *arguments, lines=_password(then) + script)


def swap(place: Place, maintenance: Connection, script: str) -> Command:
    """Returns the command that runs swap.sql from a third database."""
    return call(
        "swap",
        place,
        conninfo(maintenance),
        place.connection.database,
        _checksum(script),
        read_sql("copies/end_sessions"),
        lines=script,
    )


def copy_schema(place: Place, source: Connection, schema: str) -> Command:
    """Returns the command that copies a schema from another database into the database, without indexes."""
    arguments = (conninfo(source), conninfo(place.connection), schema)
    return call("copy_schema", place, *arguments, lines=_password(source))
