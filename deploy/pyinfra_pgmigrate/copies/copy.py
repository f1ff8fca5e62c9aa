"""Copies of a database, restored from its backups: to prove them, to rehearse on, to take its place.

A copy is a database named after the original and the run, dropped at the end; what a killed run leaves of
them, the next one that claims the backups drops.

A database is full of other people's functions, and a restore calls them: of constraints, domains, generated
columns, indexes, views. So wherever the connection may make roles, as a superuser or with CREATEROLE, a copy has a role
of its own, of the same name, which logs in itself and restores, reads and rehearses. What it runs has its rights and
no others: all of the copy, nothing of the server. A superuser's power would be everybody's, and CREATEROLE is power as
well: up to PostgreSQL 15 it gives any role but a superuser's, pg_execute_server_program among them. A connection that
may not make roles restores as itself: it gains nobody more than it has, but that much it does; so it should be the
owner of the database and nothing else (BYPASSRLS and memberships count).

What a role of a copy cannot make, owners, rights, event triggers and publications, is set by the role of the
connection, from the dump's own statements (see ``ownership``) and in a transaction that is undone: none of them runs
code of the database, and the catalog is compared with them in place. Extensions are made before anything of others
is there.

What the role of a copy may do within it, whatever runs there may do: read all rows of the copy, among others.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic

from ..backup import programs
from ..backup.contents import Contents, about_script, contents_of, contents_script
from ..backup.keeper import Keeper, ServerNames
from ..backup.manifest import Manifest, json_line
from ..backup.programs import Place, Target
from ..backup.verify import check_backup
from ..catalog.lines import Catalog
from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import joined, prepared
from ..registry.model import Observed
from ..resources import read_sql
from ..settings import Connection, Secret
from . import ownership, restore_log
from .ownership import Owning, owners
from .refusals import check_complaints, check_room_of_copy, check_version, not_copied, not_restored
from .restore_log import Judged, differences
from .sample import STATISTICS_FROM, sampled_lines

# Lines of tables whose policies hold for their owner, too.
_FORCED = re.compile(r"^row_security .* force", re.IGNORECASE)


@dataclass(frozen=True)
class Copy:
    """A database restored from a backup, for as long as it is needed.

    + connection: to it, as its role
    + has_role: that role is its own, without power
    + is_sample: it has the structure, and some of the rows
    + notes: what could not be restored for reasons outside the backup
    """

    database: str
    connection: Connection
    server_version: str
    notes: tuple[str, ...]
    has_role: bool = False
    is_sample: bool = False


class NoLoginError(PgMigrateError):
    """The server does not let the role of a copy log in."""


@dataclass(frozen=True)
class _Made:
    """An empty database for a copy."""

    target: Target
    names: ServerNames

    @property
    def connection(self) -> Connection:
        """To it, as its role."""
        return self.target.connection

    @property
    def ours(self) -> Connection:
        """To it, as the role of the connection."""
        return self.target.ours or self.target.connection

    @property
    def has_role(self) -> bool:
        return self.target.ours is not None


def _structure(place: Place, made: _Made, seen: Observed, *, has_sample: bool) -> Command:
    return programs.copy_structure(
        place,
        made.target,
        has_registry=seen.registry is not None,
        has_sample=has_sample,
        takes_statistics=made.names.version_num >= STATISTICS_FROM,
    )


class Copies:
    """Makes copies of one database from its backups, which the keeper has claimed."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.session = keeper.session
        self.settings = keeper.settings
        self.place = keeper.place
        self.database = keeper.database

    @contextmanager
    def copy(self, manifest: Manifest, seen: Observed | None = None, *, stays: bool = False) -> Iterator[Copy]:
        """Restores a backup into a database beside, compares it with what the backup says, drops it at the end.

        + seen: the database, where it is known
        + stays: it is to take the place of the database: made on its server, with owners and rights
        Raises NoLoginError where its role may not log in.
        """
        manifest, contents = check_backup(self.keeper, manifest, manifest.label)
        if stays or self.settings.verify_host is None:
            check_room_of_copy(self.keeper, manifest, seen)
        name = self.keeper.new_copy_name()
        maintenance = self.keeper.maintenance(None if stays else self.settings.verify_host)
        started = monotonic()
        try:
            made = self._make(name, contents, maintenance)
            check_version(manifest, made.names)
            notes = self._restore_into(manifest, contents, made, stays=stays)
            self.session.tell(f"    restored into a copy and compared in {monotonic() - started:.1f} s")
            for note in notes:
                self.session.tell(f"    note: {note}")
            connection = made.ours if stays else made.connection
            yield Copy(name, connection, made.names.version, notes, has_role=made.has_role)
        finally:
            self.keeper.drop(name, maintenance)

    @contextmanager
    def copy_of_structure(self, seen: Observed, *, has_sample: bool = False) -> Iterator[Copy]:
        """Makes a copy without rows, but for those of the registry, and drops it at the end.

        + has_sample: with all rows of small tables and some of the others; told where they cannot be had
        Raises NoLoginError where its role may not log in.
        """
        name = self.keeper.new_copy_name()
        maintenance = self.keeper.maintenance(self.settings.verify_host)
        answer = self.keeper.psql(
            about_script(self.session.run, self.settings.schema), self.settings.connection, "read the database"
        )
        contents = contents_of(answer)
        try:
            made = self._make(name, contents, maintenance)
            command = _structure(self.place, made, seen, has_sample=has_sample)
            answer = self.keeper.called(command, "copy the structure of")
            if has_sample:
                said = (answer.text(word) for word in ("sampled", "unsampled", "unplanned"))
                self.session.tell("\n".join(sampled_lines(*said)))
            judged, catalog = self._with_owners(answer, made, contents)
            found = replace(contents, catalog=catalog)
            differing = judged.failures or list(differences(contents, found, judged))
            if differing:
                raise not_copied(self.keeper, differing, has_sample=has_sample)
            yield Copy(
                name,
                made.connection,
                made.names.version,
                judged.notes,
                has_role=made.has_role,
                is_sample=answer.value("sampled") is not None,
            )
        finally:
            self.keeper.drop(name, maintenance)

    def _make(self, name: str, contents: Contents, maintenance: Connection) -> _Made:
        """Makes an empty database, with a role of its own where there may be one."""
        ours = replace(maintenance, database=name)
        wants_role = self.settings.copy_role == "own"
        password = secrets.token_urlsafe(32)
        text = prepared(
            self.session.run,
            self.settings.schema,
            "backup/server_names",
            scratch=name,
            properties=json_line(contents.properties),
            host_name=self.keeper.host_name,
            run_file=self.keeper.run_file,
            wants_role=wants_role,
            verifier=ownership.verifier(password) if wants_role else "",
            # The role owns every table: where policies hold for owners, too, it sees what the connection sees.
            has_forced=any(map(_FORCED.match, contents.catalog.lines)),
        )
        # What is there before the copy.
        text = joined([text, read_sql("copies/make_scratch")])
        names = self.keeper.names_in(self.keeper.psql(text, maintenance, "make a database for the copy"))
        if not (wants_role and names.may_make_roles):
            return _Made(Target(ours), names)
        return _Made(Target(self._logged_in(replace(ours, user=name, password=Secret(password)), names), ours), names)

    def _logged_in(self, connection: Connection, names: ServerNames) -> Connection:
        """Returns how the role of a copy logs in: as we do, or over the network where the socket wants our own name."""
        ways = [connection]
        if connection.host is None or connection.host.startswith("/"):
            ways.append(replace(connection, service=None, host="localhost", port=names.port))
        text = prepared(self.session.run, self.settings.schema, "copies/copy_session")
        problems: list[str] = []
        for way in ways:
            answer = self.session.psql(text, way)
            if answer.status == 0 and answer.value("session") == connection.user:
                return way
            problems.append(answer.message or answer.errors or "no answer")
        raise NoLoginError(
            Kind.BACKUP,
            f'could not log in to a copy of database "{self.database}" as a role without power',
            detail=f"Found: {'; '.join(problems)}; expected pg_hba.conf to let a role log in with a password: what "
            "others left in the database must not run with the rights of the connection.",
            hint="Add to pg_hba.conf: host all all 127.0.0.1/32 scram-sha-256; or, if you trust all that is in the "
            "database: --data pg_copy_role=connection; or without a copy: --data pg_verify=read --data pg_rehearse=off",
        )

    def _restore_into(self, manifest: Manifest, contents: Contents, made: _Made, *, stays: bool) -> tuple[str, ...]:
        """Returns what could not be restored for reasons outside the backup."""
        tells = "all" if stays else "structure"
        command = programs.restore(self.place, manifest.label, made.target, jobs=self.settings.jobs, tells=tells)
        answer = self.keeper.called(command, "restore a copy of")
        check_complaints(self.keeper, manifest, contents, answer, made.names.roles)
        rows = self._rows(made, contents, stays=stays)
        judged, catalog = self._with_owners(answer, made, contents, manifest if stays else None)
        differing = list(differences(contents, replace(rows, catalog=catalog), judged))
        if differing:
            raise not_restored(self.keeper, manifest, differing)
        return judged.notes

    def _schema_of(self, contents: Contents) -> str:
        """Returns the schema that the lines of a backup leave out: those of its copy are compared with them."""
        return contents.schema or self.settings.schema

    def _rows(self, made: _Made, contents: Contents, *, stays: bool) -> Contents:
        """Returns what is in a copy, as its role reads it.

        + stays: with statistics, and nothing can change a row any more once it is read
        """
        connection = made.connection
        if stays:
            # It calls functions of indexes, so here and not by the connection.
            analyze = prepared(self.session.run, self.settings.schema, "copies/analyze")
            self.keeper.psql(analyze, connection, "analyze the copy")
        if stays and made.has_role:
            # What ran as that role may have set another password; reading cannot: it is in a read-only transaction.
            password = secrets.token_urlsafe(32)
            text = prepared(
                self.session.run,
                self.settings.schema,
                "copies/keep_to_ourselves",
                role=connection.user or "",
                verifier=ownership.verifier(password),
            )
            self.keeper.psql(text, made.ours, "end the sessions of the copy")
            connection = replace(connection, password=Secret(password))
        text = contents_script(self.session.run, self._schema_of(contents))
        return contents_of(self.keeper.psql(text, connection, "read the copy"))

    def _with_owners(
        self, answer: Answer, made: _Made, contents: Contents, restored: Manifest | None = None
    ) -> tuple[Judged, Catalog]:
        """Returns what could not be restored, and the catalog of the copy with owners and rights as the dump has them.

        + answer: of the program that restored it
        + restored: the backup, where it takes the place of the database: they last, and its role has no more to do with
          it; they last, too, where it has no role of its own
        """
        statements = ownership.powered(answer.text("statements"))
        # Not part of a dump; whose the registry may be is judged by it.
        owner = ownership.owner_of_database(made.connection.database, contents.properties["owner"])
        last = [one for one in statements if one.what == "event trigger"]
        pieces = [
            [one for one in statements if one.lasts],
            [*(one for one in statements if not one.lasts and one not in last), owner],
            last,
        ]
        owning = Owning(
            made=[one.text for one in pieces[0]],
            owned=[one.text for one in pieces[1]],
            last=[one.text for one in pieces[2]],
            role=made.connection.user or "" if made.has_role else "",
            ends=restored is not None and made.has_role,
            lasts=restored is not None or not made.has_role,
            restored=None if restored is None else {"label": restored.label, "taken_at": restored.taken_at},
        )
        text = owners(owning, self.session.run, self._schema_of(contents))
        said = self.keeper.psql(text, made.ours, "set the owners in the copy")
        left = ownership.left_out(
            [
                (piece[place], sqlstate, message)
                for piece, failed in zip(pieces, said.values("failed"), strict=True)
                for place, sqlstate, message in failed
            ],
            made.names.roles,
        )
        judged = restore_log.judged(restore_log.complaints(answer.text("complaints")), made.names.roles).and_left(left)
        return judged, Catalog.of(said.value("catalog"))
