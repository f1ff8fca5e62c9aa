"""One host's backups at work: take, verify, keep, remove, copy, restore.

Raises PgMigrateError for what cannot be done on this host; operations catch it, and other hosts go on.
Whatever the work leaves half done when it is killed, the next one that claims the place removes: folders
LABEL.partial and copies, which are databases named after the original and the run.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from ..errors import Kind, PgMigrateError
from ..planning.database import DatabaseSession
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import prepared
from ..registry.model import Identity, Observed
from ..settings import Connection, Settings
from . import programs
from .manifest import Manifest, json_line
from .programs import Place
from .store import Store, Unsafe, state_of, store, unsafe

MOST_DIFFERENCES = 5


# An index over such a function: whoever reads its table runs it, and finds nothing by a name without schema.
_UNNAMED = re.compile(r'does not exist.*SQL function "([^"]+)" (?:during|statement)', re.DOTALL)


def _cure(found: str, settings: Settings) -> str:
    """Returns the next command after what a program said."""
    if "permission denied for " in found:
        role = settings.connection.user or "ROLE"
        return f"Connect as a role that may read all of it, or let a superuser run: GRANT pg_read_all_data TO {role}"
    if "as superuser" in found and "would run function" in found:
        return (
            "Connect as the owner of the database (pg_user), who gives nobody more than that role has; or, once "
            "you have read that function, take it over: ALTER FUNCTION ... OWNER TO CURRENT_USER"
        )
    if (unnamed := _UNNAMED.search(found)) is not None:
        # Nobody can restore such a database either.
        return (
            f"It does not name the schemas of what it uses: ALTER FUNCTION {unnamed[1]} SET search_path = "
            f"{settings.schema}, pg_temp; then run again."
        )
    return "Remove the cause, then run again: it cleans up what is left."


@dataclass(frozen=True)
class ServerNames:
    """What a server has, besides the database.

    + now: its time: ISO 8601, UTC
    + may_make_roles, passes_policies: what the role of the connection may do
    """

    roles: list[str]
    databases: list[str]
    version: str
    version_num: int
    in_recovery: bool
    port: int
    may_make_roles: bool
    passes_policies: bool
    now: str


@dataclass(frozen=True)
class LeftBehind:
    """What a restore leaves with the database that it puts aside.

    + slots, subscriptions: names; prepared: ids of prepared transactions
    + tablespaces: of the server, in which the role may make databases
    """

    slots: list[str]
    subscriptions: list[str]
    prepared: list[str]
    tablespaces: list[str]


class Keeper:
    """The backups of one database on its host, for one run."""

    def __init__(self, session: DatabaseSession) -> None:
        self.session = session
        self.settings = session.settings
        self.place = Place(session.settings.connection, session.settings.backup_dir or "", session.run.run_id)
        self.host_name = ""
        self.waited = False
        self.run_file = ""
        self.copies_made = 0
        # Of all tables, without indexes; 0: not known yet.
        self.table_bytes = 0
        # Of the backup that is read; 0: none is.
        self.read_bytes = 0
        # As they were last seen.
        self.folder = ""
        self.has_registry = True
        self._identity: Identity | None = None
        self._clock: tuple[datetime, float] | None = None

    # Looking.

    def look(self, seen: Observed | None = None) -> Store:
        """Returns the backups that are there, and how much room.

        + seen: the database, where it is known
        """
        if seen is not None:
            self.table_bytes = seen.server.size_bytes - seen.server.index_bytes
            self.has_registry = seen.registry is not None
            self._identity = seen.identity
        is_here = self.settings.connection.host is None or self.settings.connection.host.startswith("/")
        data = seen.server.data_directory if seen is not None and is_here else None
        command = programs.call("look", self.place, data or "")
        found = self.session.ask_host(f"backups of {self.database}", command, store)
        if isinstance(found, Unsafe):
            raise self._unsafe(found)
        if not isinstance(found, Store):
            raise PgMigrateError(
                Kind.BACKUP,
                f'could not read the backups of database "{self.database}" on host {self.session.host.name}',
                detail="Found no answer; expected a list of folders. What the host said stands above.",
                hint=f"Try by hand: pyinfra {self.session.host.name} exec -- ls {self.settings.backup_dir or '.'}",
            )
        self.folder = found.folder
        return found

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.settings.connection.database

    def identity(self, name: str | None = None) -> Identity:
        """Returns which database this is, and 0 for its number where there is none.

        + name: of another one on its server
        """
        if name is None and self._identity is not None:
            return self._identity
        target = self.database if name is None else name
        text = prepared(self.session.run, self.settings.schema, "registry/identity", target=target)
        found = self.session.psql(text, reads_only=True).value("identity")
        if found is None:
            # There is none, or it cannot be read.
            found = self.psql(text, self.maintenance(), "read the server", reads_only=True).value("identity")
        identity = Identity(**found)
        if name is None:
            self._identity = identity
        return identity

    # Claiming.

    # Commands.

    def called(self, command: Command, what: str) -> Answer:
        """Returns the answer of a shell program that did what it should."""
        answer = self.session.call(command)
        if answer.status == 0:
            return answer
        if (path := unsafe(answer)) is not None:
            raise self._unsafe(path)
        found = answer.text("problem") or answer.errors or "no answer"
        is_full = "No space left" in found
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not {what} database "{self.database}" on host {self.session.host.name}'
            + (": no space left on the disk" if is_full else ""),
            detail=f"Found: {' '.join(found.split())}; expected it to succeed. Earlier backups are as they were.",
            hint="Make room, or set pg_backup_dir to a folder with more." if is_full else _cure(found, self.settings),
        )

    def _unsafe(self, path: Unsafe) -> PgMigrateError:
        """Returns the refusal of a path that another user of the host could turn against whoever runs this."""
        where = shlex.quote(path.path)
        host = self.session.host.name
        hint = f"Look at it first, whose it is and what is in it; then on host {host}: {path.cure} {where}"
        if path.cure == "readlink":
            hint = f"Set pg_backup_dir to the folder that it leads to, if that is yours: readlink -f {where}"
        elif path.cure.startswith("chown ") and f"{self.settings.backup_dir or ''}/".startswith(f"{path.path}/"):
            # It may be that of a server, which would not start any more.
            hint = f"Set pg_backup_dir to a folder in the home of its account, {path.cure.removeprefix('chown ')}."
        return PgMigrateError(
            Kind.BACKUP,
            f'could not use the backups of database "{self.database}" on host {host}: {path.path} is not safe',
            detail=f"Found {path.found}; expected {path.expected}. Nothing was read from there or written.",
            hint=hint,
        )

    def psql(self, text: str, connection: Connection, what: str, *, reads_only: bool = False) -> Answer:
        """Returns the answer of a script that did what it should.

        + what: what it is for, in words
        + reads_only: the database as it was seen before still counts
        """
        answer = self.session.psql(text, connection, reads_only=reads_only)
        planted = answer.value("planted")
        if answer.status == 0 and planted is None:
            return answer
        if planted is not None:
            raise PgMigrateError(
                Kind.BACKUP,
                f"could not {what}: its registry is not ours: {'; '.join(planted)}",
                detail=f"Found that in database {connection.database}; expected plain tables. What is called while a "
                "backup is restored may have left something in the registry.",
                hint="See what the functions of constraints, domains and generated columns do in this database.",
            )
        raise PgMigrateError(
            Kind.BACKUP,
            f"could not {what}: {answer.message or 'no answer'}",
            detail=f"Found SQLSTATE {answer.sqlstate or 'unknown'} on database {connection.database}; "
            "expected it to succeed.",
            hint="Connect as a role that may (pg_user), or let a superuser grant it, then run again."
            if answer.sqlstate == "42501"
            else "Remove the cause, then run again.",
        )

    def maintenance(self, host: str | None = None) -> Connection:
        """Returns how the database is reached from which others are made and dropped.

        + host: another server
        """
        connection = replace(self.settings.connection, database=self.settings.maintenance_database)
        return connection if host is None else replace(connection, host=host)

    def new_copy_name(self) -> str:
        """Returns a name for another copy of this run."""
        self.copies_made += 1
        return self.copy_name(self.copies_made)

    def copy_name(self, number: int | str) -> str:
        """Returns the name of a copy; with ``%`` the pattern that all of this database fit."""
        short = hashlib.sha256(self.database.encode()).hexdigest()[:8]
        if number == "%":
            return f"pgmigrate\\_copy\\_{short}\\_%"
        return f"pgmigrate_copy_{short}_{self.place.run_id[:8]}_{number}"

    # Taking.

    # Verifying.

    def drop(self, name: str, connection: Connection, *, living: Collection[str] | None = None) -> None:
        """Drops a copy with its role.

        + name: of it; with ``living`` a pattern for LIKE
        + living: runs whose copies stay, where all other copies go that runs of this host left; None: just this one
        """
        text = prepared(
            self.session.run,
            self.settings.schema,
            "backup/drop_scratch",
            scratch=name,
            host_name=self.host_name,
            dead_only=living is not None,
            living=json_line(list(living or ())),
        )
        answer = self.session.psql(text, connection)
        if answer.status != 0:
            self.session.tell(f"    note: a copy may be left on the server: {answer.message or answer.errors}")

    def now(self) -> str:
        """Returns the server's time, asked once and counted on from there: ISO 8601, UTC."""
        since, at = self._clock or self.hears_time(self.names(self.maintenance()).now)
        return (since + timedelta(seconds=int(monotonic() - at))).strftime("%Y-%m-%dT%H:%M:%SZ")

    def hears_time(self, now: str) -> tuple[datetime, float]:
        """Takes the server's time as it is at this moment, ISO 8601, and returns it with monotonic seconds."""
        self._clock = datetime.fromisoformat(now.replace("Z", "+00:00")), monotonic()
        return self._clock

    def names(self, connection: Connection) -> ServerNames:
        """Returns what a server has, besides the database."""
        text = prepared(self.session.run, self.settings.schema, "backup/server_names")
        return self.names_in(self.psql(text, connection, "read the server", reads_only=True))

    def names_in(self, answer: Answer) -> ServerNames:
        """Returns what a script with server_names.sql in it said."""
        return ServerNames(**answer.value("names"))

    # Away from the host.

    # Keeping.


def _history(seen: Observed) -> list[str]:
    """Returns how a database came to its state, as history.sql tells it of the one that is dumped."""
    kept = () if seen.registry is None else seen.registry.quarantines
    runs = () if seen.registry is None else seen.registry.quarantined_runs
    applied = [f"{version} {row.applied_at}" for version, row in seen.applied.items()]
    return [*applied, *runs, *(f"{one.run_id} {one.object} {one.rows}" for one in kept if one.kind != "definition")]


def young_backup(keeper: Keeper, store: Store, seen: Observed) -> Manifest | None:
    """Returns the verified backup that makes a new one needless."""
    applied = [(version, row.checksum) for version, row in seen.applied.items()]
    return store.young(
        state=state_of(seen.catalog, applied, _history(seen)),
        identity=keeper.identity(),
        max_age_s=keeper.settings.backup_max_age_s,
        how=keeper.settings.verify,
    )


def check_may_copy(keeper: Keeper, what: str, without: str, *, on_verify_host: bool = True) -> None:
    """Raises PgMigrateError (privilege) where the role may not make the copy that is needed.

    To be asked before anything that takes long. + what: it is needed for, as a verb; without: settings with which
    it goes without a copy, empty where it does not
    """
    connection = keeper.maintenance(keeper.settings.verify_host if on_verify_host else None)
    if connection in keeper.session.memory.may_copy:
        return
    text = prepared(keeper.session.run, keeper.settings.schema, "backup/may_copy")
    role, may = keeper.psql(text, connection, "read the server", reads_only=True).value("may_copy")
    if may:
        keeper.session.memory.may_copy.add(connection)
        return
    grant = f'let a superuser run: ALTER ROLE "{role}" CREATEDB'
    raise PgMigrateError(
        Kind.PRIVILEGE,
        f'could not {what} database "{keeper.database}" as role {role}: it may not make databases',
        detail="Found no CREATEDB; expected it, as a copy of the database is made for that. Nothing was changed.",
        hint=f"To go without a copy: {without}; with one, {grant}" if without else f"Connect as another, or {grant}",
    )


def left_behind(keeper: Keeper) -> LeftBehind:
    """Returns what a restore leaves with the database that it puts aside."""
    text = prepared(keeper.session.run, keeper.settings.schema, "backup/left_behind", target=keeper.database)
    return LeftBehind(**keeper.psql(text, keeper.maintenance(), "read the server").value("left_behind"))
