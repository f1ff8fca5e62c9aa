"""One host's backups at work: take, verify, keep, remove, copy, restore.

Raises PgMigrateError for what cannot be done on this host; operations catch it, and other hosts go on.
Whatever the work leaves half done when it is killed, the next one that claims the place removes: folders
LABEL.partial and copies, which are databases named after the original and the run.
"""

from __future__ import annotations

import hashlib
import random
import re
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

from ..errors import Kind, PgMigrateError, Refusal
from ..planning.database import DatabaseSession
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import prepared
from ..registry.model import Observed
from ..settings import Connection
from ..units import size
from . import fetch, programs
from .contents import Contents, contents_of, dump_script, read_contents
from .manifest import Manifest, Verification, json_line, read_manifest
from .programs import Place
from .store import Backup, Identity, Store, Unsafe, decoded, label_of, state_of, store, unsafe

# A run that gives no sign of life for so many seconds is dead; one is given every _BEAT_S.
_STALE_S = 20
_BEAT_S = 3.0

MOST_DIFFERENCES = 5

# What make_scratch.sql says of a copy.
_SAID = re.compile(r"made by run (?P<run>\S+) on (?P<host>.*); may be dropped .*, which (?P<file>/.*) tells$")

# An index over such a function: whoever reads its table runs it, and finds nothing by a name without schema.
_UNNAMED = re.compile(r'does not exist.*SQL function "([^"]+)" (?:during|statement)', re.DOTALL)


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


def is_watched() -> bool:
    """Tells whether somebody looks on, to whom progress may be told."""
    return sys.stderr.isatty()


class Keeper:
    """The backups of one database on its host, for one run."""

    def __init__(self, session: DatabaseSession) -> None:
        self.session = session
        self.settings = session.settings
        self.place = Place(session.settings.connection, session.settings.backup_dir or "", session.run.run_id)
        self.host_name = ""
        self.waited = False
        self.run_file = ""
        self._copies = 0

    # Looking.

    def look(self, seen: Observed | None = None) -> Store:
        """Returns the backups that are there, and how much room.

        + seen: the database, where it is known
        """
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
        return found

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.settings.connection.database

    def young(self, store: Store, seen: Observed) -> Manifest | None:
        """Returns the verified backup that makes a new one needless."""
        applied = [(version, row.checksum) for version, row in seen.applied.items()]
        return store.young(
            state=state_of(seen.catalog, applied, _history(seen)),
            identity=self.identity(),
            max_age_s=self.settings.backup_max_age_s,
            how=self.settings.verify,
        )

    def identity(self, name: str | None = None) -> Identity:
        """Returns which database this is, and 0 for its number where there is none.

        + name: of another one on its server
        """
        target = self.database if name is None else name
        text = prepared(self.session.run, self.settings.schema, "backup/identity", target=target)
        found = self.session.psql(text).value("identity")
        if found is None:
            # There is none, or it cannot be read.
            found = self.psql(text, self.maintenance(), "read the server").value("identity")
        return Identity(**found)

    # Claiming.

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other runs away from the backups of this database, and cleans up after dead ones."""
        self._claim()
        done = Event()
        beating = gevent.spawn(self._beat, done)
        try:
            yield
        finally:
            done.set()
            beating.join(timeout=10)
            beating.kill(block=False)
            self.session.call(programs.call("release", self.place))

    def _claim(self) -> None:
        deadline = monotonic() + self.settings.run_wait_s
        told = ""
        self.waited = False
        while True:
            answer = self.called(programs.call("claim", self.place, _STALE_S), "claim the backups of")
            busy = answer.value("busy")
            if busy is None:
                break
            run_id, age_s = busy
            if monotonic() > deadline:
                raise PgMigrateError.of(self.session.busy(f"run {run_id}, last seen {age_s} s ago"))
            self.waited = True
            if told != run_id:
                told = run_id
                self.session.tell(f"run {run_id} is at work on the backups of this database, waiting for it")
            gevent.sleep(random.uniform(0.3, 1.0))  # noqa: S311  (jitter, no secret)
        if answer.value("removed"):
            self.session.tell(f"    removed what {answer.value('removed')} killed run left of its backup")
        self.host_name = answer.value("host_name")
        self.run_file = decoded(answer.value("run_file"))
        for connection in {self.maintenance(), self.maintenance(self.settings.verify_host)}:
            self.drop(self._copy_name("%"), connection, dead_only=True)

    def _living(self, connection: Connection) -> list[str]:
        """Returns the runs of this host that have copies there and are at work: such as have claimed another folder.

        This one has been claimed by us: whoever had it before is dead.
        """
        text = prepared(self.session.run, self.settings.schema, "backup/copies_there", scratch=self._copy_name("%"))
        found = []
        for comment in self.session.psql(text, connection).value("copies") or []:
            said = _SAID.search(comment)
            if said is None or said["host"] != self.host_name or said["file"] == self.run_file:
                continue
            other = replace(self.place, folder=said["file"].rpartition("/")[0])
            answer = self.session.call(programs.call("alive", other))
            claimed = answer.value("claimed") or ("", _STALE_S)
            # Where nobody can tell, it is left.
            if answer.status != 0 or (claimed[0] == said["run"] and abs(claimed[1]) < _STALE_S):
                found.append(said["run"])
        return found

    def _beat(self, done: Event) -> None:
        told, started = "", monotonic()
        while not done.wait(_BEAT_S):
            self.session.call(programs.call("beat", self.place))
            text = self._progress() if is_watched() else ""
            if text not in ("", told) and not done.is_set():
                told = text
                self.session.tell(f"    {monotonic() - started:.0f} s: {text}")

    def _progress(self) -> str:
        # Table names can be told from within the database only: the copy, once there is one.
        connection = None
        if self._copies:
            connection = replace(self.maintenance(self.settings.verify_host), database=self._copy_name(self._copies))
        answer = self.session.psql(prepared(self.session.run, self.settings.schema, "backup/progress"), connection)
        parts = []
        for session in answer.value("progress") or []:
            work = " ".join(session["session"].split()[2:])
            if session["index"]:
                parts.append(f"{work}: index, {session['index']}")
            elif session["table"]:
                done = size(session["bytes"] or 0)
                parts.append(f"{work}: {session['table']}, {session['rows']} rows, {done}")
            elif work:
                parts.append(work)
        return "; ".join(dict.fromkeys(parts))

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
        cure = "Remove the cause, then run again: it cleans up what is left."
        if (unnamed := _UNNAMED.search(found)) is not None:
            # Nobody can restore such a database either.
            cure = (
                f"It does not name the schemas of what it uses: ALTER FUNCTION {unnamed[1]} SET search_path = "
                f"{self.settings.schema}, pg_temp; then run again."
            )
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not {what} database "{self.database}" on host {self.session.host.name}'
            + (": no space left on the disk" if is_full else ""),
            detail=f"Found: {' '.join(found.split())}; expected it to succeed. Earlier backups are as they were.",
            hint="Make room, or set pg_backup_dir to a folder with more." if is_full else cure,
        )

    def _unsafe(self, path: Unsafe) -> PgMigrateError:
        """Returns the refusal of a path that another user of the host could turn against whoever runs this."""
        where = shlex.quote(path.path)
        host = self.session.host.name
        return PgMigrateError(
            Kind.BACKUP,
            f'could not use the backups of database "{self.database}" on host {host}: {path.path} is not safe',
            detail=f"Found {path.found}; expected {path.expected}. Nothing was read from there or written.",
            hint=f"Set pg_backup_dir to the folder that it leads to, if that is yours: readlink -f {where}"
            if path.cure == "readlink"
            else f"Look at it first, whose it is and what is in it; then on host {host}: {path.cure} {where}",
        )

    def psql(self, text: str, connection: Connection, what: str) -> Answer:
        """Returns the answer of a script that did what it should.

        + what: what it is for, in words
        """
        answer = self.session.psql(text, connection)
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

    def check_may_copy(self, what: str, without: str, *, on_verify_host: bool = True) -> None:
        """Raises PgMigrateError (privilege) where the role may not make the copy that is needed.

        To be asked before anything that takes long. + what: it is needed for, as a verb; without: settings with which
        it goes without a copy, empty where it does not
        """
        connection = self.maintenance(self.settings.verify_host if on_verify_host else None)
        text = prepared(self.session.run, self.settings.schema, "backup/may_copy")
        role, may = self.psql(text, connection, "read the server").value("may_copy")
        if may:
            return
        grant = f'let a superuser run: ALTER ROLE "{role}" CREATEDB'
        raise PgMigrateError(
            Kind.PRIVILEGE,
            f'could not {what} database "{self.database}" as role {role}: it may not make databases',
            detail="Found no CREATEDB; expected it, as a copy of the database is made for that. Nothing was changed.",
            hint=f"To go without a copy: {without}; with one, {grant}"
            if without
            else f"Connect as another, or {grant}",
        )

    def new_copy_name(self) -> str:
        """Returns a name for another copy of this run."""
        self._copies += 1
        return self._copy_name(self._copies)

    def _copy_name(self, number: int | str) -> str:
        """Returns the name of a copy; with ``%`` the pattern that all of this database fit."""
        short = hashlib.sha256(self.database.encode()).hexdigest()[:8]
        if number == "%":
            return f"pgmigrate\\_copy\\_{short}\\_%"
        return f"pgmigrate_copy_{short}_{self.place.run_id[:8]}_{number}"

    # Taking.

    def take(self, seen: Observed) -> Manifest:
        """Returns the manifest of a new backup, not verified yet."""
        store = self.look(seen)
        self._check_room(store, seen)
        label = label_of(self.place.key, self.now(), max(seen.applied, default=0))
        while store.named(label) is not None:
            # Another one was taken in this very second.
            gevent.sleep(0.2)
            label = label_of(self.place.key, self.now(), max(seen.applied, default=0))
        self.session.tell(f"taking backup {label} in {store.folder}")
        started = monotonic()
        text = dump_script(self.session.run, self.settings.schema, self.session.applying(self.session.totals, seen))
        command = programs.dump(
            self.place, label, text, jobs=self.settings.jobs, compression=self.settings.compress or ""
        )
        answer = self.called(command, "back up")
        manifest, contents = self._manifest(label, answer, started)
        catalog = answer.value("catalog")
        manifest = replace(
            manifest,
            sums={
                "files.sha256": answer.value("files")[2],
                "contents.json": _line_checksum(contents.text()),
                "catalog.json": _line_checksum(json_line(catalog)),
            },
        )
        sealed = programs.seal(self.place, label, contents.text(), json_line(catalog), manifest.text())
        self.called(sealed, "complete the backup of")
        self.register(manifest, folder=store.folder)
        self.session.tell(
            f"    {manifest.tables} tables, {manifest.rows} rows, {size(manifest.backup_bytes)} "
            f"in {monotonic() - started:.1f} s"
        )
        return manifest

    def _check_room(self, store: Store, seen: Observed) -> None:
        needed = store.needed_bytes(seen.server.size_bytes, seen.server.size_bytes - seen.server.index_bytes)
        if store.free_bytes < needed:
            raise PgMigrateError(
                Kind.BACKUP,
                f'could not back up database "{self.database}": not enough room in {store.folder}',
                detail=f"Found {size(store.free_bytes)} free; expected {size(needed)}, "
                "from the size of the tables or of the backup before.",
                hint="Make room, or set pg_backup_dir to a folder with more.",
            )

    def _manifest(self, label: str, answer: Answer, started: float) -> tuple[Manifest, Contents]:
        try:
            contents = contents_of(answer)
            about, identity = answer.value("database"), answer.value("identity")
            manifest = Manifest(
                label=label,
                database=about["database"],
                system_identifier=identity["system_identifier"],
                database_oid=identity["oid"],
                timeline=identity["timeline"],
                server_version=about["server_version"],
                server_version_num=about["server_version_num"],
                taken_at=about["taken_at"],
                taken_s=about["taken_s"],
                lsn=about["lsn"],
                state=state_of(contents.catalog, contents.applied, answer.value("history")),
                applied=max((version for version, _ in contents.applied), default=0),
                size_bytes=about["size_bytes"],
                backup_bytes=answer.value("files")[1] * 1024,
                duration_ms=round((monotonic() - started) * 1000),
                tables=len(contents.tables),
                rows=sum(rows for rows, _ in contents.tables.values()),
                sums={},
                pg_dump=answer.value("pg_dump"),
                compression=answer.value("compression"),
                globals=answer.value("globals"),
                extensions=about["extensions"],
                roles=tuple(about["roles"]),
                run_id=self.session.run.run_id,
                operator=f"{self.session.run.operator}@{self.session.run.controller}",
                tool_version=self.session.run.tool_version,
                file_bytes=answer.value("files")[3],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PgMigrateError(
                Kind.BACKUP,
                f'could not back up database "{self.database}": the answer of the host cannot be read',
                detail=f"Found {error!r}; expected counts, hashes and catalog. The next run removes what is left.",
                hint="Run again.",
            ) from error
        return manifest, contents

    def register(self, manifest: Manifest, *, folder: str | None = None) -> None:
        """Takes a backup down in the registry, where there is one; what it says of it already is brought up to date.

        + folder: of the backups, where it is known
        """
        text = prepared(
            self.session.run,
            self.settings.schema,
            "backup/register_backup",
            label=manifest.label,
            taken_at=manifest.taken_at,
            folder=self.look().folder if folder is None else folder,
            host_name=self.host_name,
            backup_bytes=manifest.backup_bytes,
            verification=manifest.verification.how,
            verified_at=manifest.verification.at,
        )
        answer = self.session.psql(text)
        if answer.status != 0:
            self.session.tell(f"    note: the registry could not take it down: {answer.message or answer.errors}")

    # Verifying.

    def check(self, manifest: Manifest, label: str) -> tuple[Manifest, Contents]:
        """Returns what a backup says of itself, once its files, hashes and permissions are right."""
        command = programs.call("check", self.place, label, self.settings.jobs, manifest.most_bytes)
        answer = self.called(command, "read a backup of")
        return self.described(answer, manifest, label, answer.text("damage").splitlines())

    def described(
        self, answer: Answer, manifest: Manifest | None, label: str, problems: list[str]
    ) -> tuple[Manifest, Contents]:
        """Returns what a backup says of itself, as an answer of check.sh or describe.sh has it.

        + manifest: as it was read before, if it was; problems: found so far
        """
        contents: Contents | None = None
        found: Manifest | None = None
        problems += [decoded(flaw) for flaw in answer.value("flaws") or ()]
        try:
            found = read_manifest(answer.text("manifest"))
            if manifest is not None and found != manifest:
                problems.append("its manifest is not the one that was read before")
            names = ("files.sha256", "contents.json", "catalog.json")
            for name, digest in zip(names, answer.value("sums") or ("", "", ""), strict=True):
                if found.sums.get(name) != digest:
                    problems.append(f"{name} does not fit the manifest")
            contents = read_contents(answer.text("contents"), answer.text("catalog"))
        except ValueError as error:
            problems.append(str(error))
        if problems or contents is None or found is None:
            raise self.damaged(label, problems)
        return found, contents

    def left_behind(self) -> LeftBehind:
        """Returns what a restore leaves with the database that it puts aside."""
        text = prepared(self.session.run, self.settings.schema, "backup/left_behind", target=self.database)
        return LeftBehind(**self.psql(text, self.maintenance(), "read the server").value("left_behind"))

    def properties(self, manifest: Manifest) -> Mapping[str, Any]:
        """Returns the properties of the database that a backup has, without a look at its dump."""
        answer = self.called(programs.call("describe", self.place, manifest.label), "read a backup of")
        return self.described(answer, manifest, manifest.label, [])[1].properties

    def damage(self, manifest: Manifest) -> Refusal | None:
        """Returns why a backup is not what it was any more, or None."""
        try:
            self.check(manifest, manifest.label)
        except PgMigrateError as error:
            if error.refusal.kind is Kind.DAMAGED:
                return error.refusal
            raise
        return None

    def damaged(self, label: str, problems: Collection[str]) -> PgMigrateError:
        """Returns the refusal of a backup that is not what it should be."""
        shown = "; ".join(list(problems)[:MOST_DIFFERENCES])
        more = len(problems) - MOST_DIFFERENCES
        return PgMigrateError(
            Kind.DAMAGED,
            f'cannot use backup "{label}": it is not what it was',
            detail=f"Found: {shown}{f'; and {more} more' if more > 0 else ''}; "
            "expected what its manifest says. Nothing was changed; other backups are as they were.",
            hint="Take another one: deploy/backup.py; those that are there: ls in the folder of the backups.",
        )

    def verify_by_reading(self, manifest: Manifest, instead: Refusal | None = None) -> Manifest:
        """Returns the manifest after every block of the backup was read.

        + instead: why it was not restored, where it should have been
        """
        manifest, _ = self.check(manifest, manifest.label)
        answer = self.called(programs.read(self.place, manifest.label), "read a backup of")
        if answer.value("status") != 0:
            raise self.damaged(manifest.label, [" ".join(answer.text("complaints").split())])
        notes = () if instead is None else (f"{instead.message}. {instead.detail}",)
        return self.note(manifest, Verification("read", self.now(), notes=notes))

    def note(self, manifest: Manifest, verification: Verification) -> Manifest:
        """Returns the manifest with a verification, written down with the backup and in the registry."""
        verified = manifest.verified(verification)
        self.called(programs.rewrite(self.place, manifest.label, verified.text()), "write the manifest of")
        self.register(verified)
        return verified

    def drop(self, name: str, connection: Connection, *, dead_only: bool) -> None:
        """Drops a copy with its role.

        + name: of it; with ``dead_only`` a pattern for LIKE, and only those of runs that are dead go
        """
        text = prepared(
            self.session.run,
            self.settings.schema,
            "backup/drop_scratch",
            scratch=name,
            host_name=self.host_name,
            dead_only=dead_only,
            living=json_line(self._living(connection) if dead_only else []),
        )
        answer = self.session.psql(text, connection)
        if answer.status != 0:
            self.session.tell(f"    note: a copy may be left on the server: {answer.message or answer.errors}")

    def now(self) -> str:
        """Returns the server's time: ISO 8601, UTC."""
        return self.names(self.maintenance()).now

    def names(self, connection: Connection) -> ServerNames:
        """Returns what a server has, besides the database."""
        text = prepared(self.session.run, self.settings.schema, "backup/server_names")
        return ServerNames(**self.psql(text, connection, "read the server").value("names"))

    def named(self, label: str, *, failed: bool = False) -> Manifest:
        """Returns the backup of this database with a label, or the newest verified one for ``latest``.

        + failed: True returns one whose last verification failed, too
        """
        store, identity = self.look(), self.identity()
        found = self._latest(store, identity) if label == "latest" else store.named(label)
        if found is None:
            there = ", ".join(manifest.label for manifest in store.good[:5]) or "none"
            raise PgMigrateError(
                Kind.RESTORE,
                f'could not find backup "{label}" of database "{self.database}"',
                detail=f"Found {there} in {store.folder}; expected "
                + ("a verified one." if label == "latest" else "that label."),
                hint="Name one of them: --data pg_backup=LABEL; or set pg_backup_dir to where it is.",
            )
        if found.manifest is None:
            raise self.damaged(label, [found.problem])
        if found.manifest.verification.how == "failed" and not failed:
            raise self.damaged(label, ["its verification failed", *found.manifest.verification.notes])
        foreign = store.foreign(found.manifest, identity)
        if foreign and not self.settings.backup_of_other:
            raise self._of_other(label, [found.manifest], foreign)
        if not found.manifest.database_oid:
            self.session.tell(
                f'note: an earlier version of this tool took backup "{found.label}", and did not note which database '
                f'it is of, but for its name and its server: taken for "{self.database}"'
            )
        return found.manifest

    def _latest(self, store: Store, identity: Identity) -> Backup | None:
        found = store.latest(identity)
        if len(found) > 1:
            why = f'there is no database "{self.database}" now, and they are of {len(found)} that had this name'
            raise self._of_other("latest", found, why, more="")
        others = [one for one in store.good if one.is_verified and store.foreign(one, identity)]
        if not found and others:
            raise self._of_other("latest", others, store.foreign(others[0], identity))
        return Backup(found[0].label, found[0]) if found else None

    def _of_other(
        self, label: str, found: Collection[Manifest], why: str, *, more: str = " --data pg_backup_of_other=true"
    ) -> PgMigrateError:
        """Returns the refusal of a backup that is not of this database.

        + found: backups that were found instead; more: what is to be given besides the label
        """
        first = next(iter(found))
        there = ", ".join(f"{one.label} of {one.taken_at}" for one in list(found)[:MOST_DIFFERENCES])
        return PgMigrateError(
            Kind.RESTORE,
            f'could not use backup "{label}": it is not sure to be of database "{self.database}" on host '
            f"{self.session.host.name}",
            detail=f"Found {there}: {why}; expected one of this very database, or of one that a restore put it in the "
            "place of.",
            hint=f"If that is the one that you want all the same: --data pg_backup={first.label}{more}",
        )

    # Away from the host.

    def fetch(self, manifest: Manifest, into: Path) -> bool:
        """Copies a backup to the controller, unless it is there already; returns whether it had to."""
        if fetch.is_fetched(into / manifest.label):
            return False
        started = monotonic()

        def piece(name: str, start: int, size: int) -> str:
            command = programs.call("piece", self.place, manifest.label, name, start, size)
            return str(self.called(command, "fetch a backup of").value("piece"))

        try:
            problems = fetch.fetch(manifest.label, into, piece, dict(manifest.sums))
        except (OSError, ValueError) as error:
            problems = [str(error)]
        if problems:
            raise PgMigrateError(
                Kind.BACKUP,
                f'could not fetch backup "{manifest.label}" into {into}',
                detail=f"Found: {'; '.join(problems[:MOST_DIFFERENCES])}; expected the files with their hashes. "
                "Nothing is left of the copy; the backup on the host is as it was.",
                hint="Remove the cause, then run again.",
            )
        self.session.tell(f"    fetched into {into / manifest.label} in {monotonic() - started:.1f} s")
        return True

    # Keeping.

    def prune(self, seen: Observed) -> None:
        """Removes the backups that retention lets go."""
        referenced = {row.backup for row in seen.applied.values() if row.backup is not None}
        store = self.look(seen)
        labels = store.superfluous(self.settings.backup_keep, referenced, self.identity())
        if labels:
            self.called(programs.call("remove", self.place, *labels), "remove a backup of")
            self.session.tell(f"    removed, as more than {self.settings.backup_keep} are kept: {', '.join(labels)}")


def _history(seen: Observed) -> list[str]:
    """Returns how a database came to its state, as history.sql tells it of the one that is dumped."""
    kept = () if seen.registry is None else seen.registry.quarantines
    runs = () if seen.registry is None else seen.registry.quarantined_runs
    applied = [f"{version} {row.applied_at}" for version, row in seen.applied.items()]
    return [*applied, *runs, *(f"{one.run_id} {one.object} {one.rows}" for one in kept if one.kind != "definition")]


def _line_checksum(text: str) -> str:
    """Returns the SHA-256 of a file that holds one line."""
    return hashlib.sha256(f"{text}\n".encode()).hexdigest()
