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

import difflib
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic

from ..catalog.lines import Catalog
from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import prepared
from ..registry.model import Observed
from ..settings import Connection, Secret
from ..units import size
from . import ownership, programs, restore_log
from .contents import Contents, about_script, contents_of, contents_script, identifiers
from .keeper import MOST_DIFFERENCES, Keeper, ServerNames
from .manifest import Manifest, json_line
from .ownership import Owning, owners
from .programs import Target
from .restore_log import MOST_COMMAND, Judged, Unfound, differences

# Lines of tables whose policies hold for their owner, too.
_FORCED = re.compile(r"^row_security .* force", re.IGNORECASE)


@dataclass(frozen=True)
class Copy:
    """A database restored from a backup, for as long as it is needed.

    + connection: to it, as its role
    + has_role: that role is its own, without power
    + notes: what could not be restored for reasons outside the backup
    """

    database: str
    connection: Connection
    server_version: str
    notes: tuple[str, ...]
    has_role: bool = False


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
        manifest, contents = self.keeper.check(manifest, manifest.label)
        if stays or self.settings.verify_host is None:
            self._check_room_of_copy(manifest, seen)
        name = self.keeper.new_copy_name()
        maintenance = self.keeper.maintenance(None if stays else self.settings.verify_host)
        started = monotonic()
        try:
            made = self._make(name, contents, maintenance)
            if made.names.version_num // 10000 < manifest.server_version_num // 10000:
                raise PgMigrateError(
                    Kind.BACKUP,
                    f'could not restore backup "{manifest.label}": the server there is older',
                    detail=f"Found PostgreSQL {made.names.version}; expected {manifest.server_version} or later.",
                    hint="Use a server of the same version, or leave pg_verify_host out.",
                )
            notes = self._restore_into(manifest, contents, made, stays=stays)
            self.session.tell(f"    restored into a copy and compared in {monotonic() - started:.1f} s")
            for note in notes:
                self.session.tell(f"    note: {note}")
            connection = made.ours if stays else made.connection
            yield Copy(name, connection, made.names.version, notes, has_role=made.has_role)
        finally:
            self.keeper.drop(name, maintenance, dead_only=False)

    @contextmanager
    def copy_of_structure(self, seen: Observed) -> Iterator[Copy]:
        """Makes a copy without rows, but for those of the registry, and drops it at the end.

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
            command = programs.copy_structure(self.place, made.target, has_registry=seen.registry is not None)
            answer = self.keeper.called(command, "copy the structure of")
            judged, catalog = self._with_owners(answer, made, contents)
            found = replace(contents, catalog=catalog)
            differing = judged.failures or list(differences(contents, found, judged))
            if differing:
                raise PgMigrateError(
                    Kind.REHEARSAL,
                    f'could not copy the structure of database "{self.database}"',
                    detail=f"Found: {'; '.join(differing[:MOST_DIFFERENCES])}; expected the same catalog.",
                    hint="To go on without a rehearsal: --data pg_rehearse=off",
                )
            yield Copy(name, made.connection, made.names.version, judged.notes, has_role=made.has_role)
        finally:
            self.keeper.drop(name, maintenance, dead_only=False)

    def _make(self, name: str, contents: Contents, maintenance: Connection) -> _Made:
        """Makes an empty database, with a role of its own where there may be one."""
        names = self.keeper.names(maintenance)
        ours = replace(maintenance, database=name)
        has_role = self.settings.copy_role == "own" and names.may_make_roles
        password = secrets.token_urlsafe(32)
        text = prepared(
            self.session.run,
            self.settings.schema,
            "backup/make_scratch",
            scratch=name,
            properties=json_line(contents.properties),
            host_name=self.keeper.host_name,
            run_file=self.keeper.run_file,
            has_role=has_role,
            verifier=ownership.verifier(password) if has_role else "",
            # The role owns every table: where policies hold for owners, too, it sees what the connection sees.
            passes_policies=names.passes_policies and any(map(_FORCED.match, contents.catalog.lines)),
        )
        self.keeper.psql(text, maintenance, "make a database for the copy")
        if not has_role:
            return _Made(Target(ours), names)
        return _Made(Target(self._logged_in(replace(ours, user=name, password=Secret(password)), names), ours), names)

    def _logged_in(self, connection: Connection, names: ServerNames) -> Connection:
        """Returns how the role of a copy logs in: as we do, or over the network where the socket wants our own name."""
        ways = [connection]
        if connection.host is None or connection.host.startswith("/"):
            ways.append(replace(connection, service=None, host="localhost", port=names.port))
        text = prepared(self.session.run, self.settings.schema, "backup/copy_session")
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
        self._check_complaints(manifest, contents, answer, made.names.roles)
        rows = self._rows(made, stays=stays)
        judged, catalog = self._with_owners(answer, made, contents, manifest if stays else None)
        differing = list(differences(contents, replace(rows, catalog=catalog), judged))
        if differing:
            raise self._not_restored(manifest, differing)
        return judged.notes

    def _rows(self, made: _Made, *, stays: bool) -> Contents:
        """Returns what is in a copy, as its role reads it.

        + stays: with statistics, and nothing can change a row any more once it is read
        """
        connection = made.connection
        if stays:
            # It calls functions of indexes, so here and not by the connection.
            analyze = prepared(self.session.run, self.settings.schema, "backup/analyze")
            self.keeper.psql(analyze, connection, "analyze the copy")
        if stays and made.has_role:
            # What ran as that role may have set another password; reading cannot: it is in a read-only transaction.
            password = secrets.token_urlsafe(32)
            text = prepared(
                self.session.run,
                self.settings.schema,
                "backup/keep_to_ourselves",
                role=connection.user or "",
                verifier=ownership.verifier(password),
            )
            self.keeper.psql(text, made.ours, "end the sessions of the copy")
            connection = replace(connection, password=Secret(password))
        text = contents_script(self.session.run, self.settings.schema)
        return contents_of(self.keeper.psql(text, connection, "read the copy"))

    def _check_complaints(self, manifest: Manifest, contents: Contents, answer: Answer, roles: Collection[str]) -> None:
        """Raises PgMigrateError for what pg_restore could not do, where the backup or the server is the reason."""
        output = answer.text("complaints")
        found = restore_log.complaints(output)
        judged = restore_log.judged(found, roles)
        outside = restore_log.outside(answer.value("status"), judged.failures)
        if outside:
            raise PgMigrateError(
                Kind.BACKUP,
                f'could not restore backup "{manifest.label}" into a copy',
                detail=f"Found: {outside}; expected pg_restore to end by itself. That says nothing of the backup, "
                "which is as it was, and not verified by this.",
                hint="Remove the cause, then run again.",
            )
        if answer.value("status") != 0 and not found:
            raise self._not_restored(manifest, [" ".join(output.split()[-60:])])
        unfound = restore_log.unfound(found, contents.catalog) if judged.failures else None
        if unfound is not None:
            raise self._not_restorable(manifest, unfound)
        if judged.failures:
            raise self._not_restored(manifest, judged.failures)

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
        text = owners(owning, self.session.run, self.settings.schema)
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

    def _not_restorable(self, manifest: Manifest, unfound: Unfound) -> PgMigrateError:
        """Returns the refusal of a backup that nobody can restore, with the cure on the database itself."""
        complaint = unfound.complaint
        where = complaint.command[:MOST_COMMAND] or complaint.message
        schema = self.settings.schema
        path = schema if re.fullmatch("[a-z_][a-z0-9_]*", schema) else '"' + schema.replace('"', '""') + '"'
        return PgMigrateError(
            Kind.DAMAGED,
            f'could not restore backup "{manifest.label}" into a copy: function {unfound.function} does not name the '
            "schemas of what it uses",
            detail=f"Found: {complaint.message} (at: {where}); expected it to work without a search_path, as "
            "pg_restore has none: nobody can restore this database as it is. The database itself is as it was.",
            hint=f"On the database: ALTER FUNCTION {unfound.function} SET search_path = {path}, pg_temp; then take "
            "another backup: deploy/backup.py"
            if unfound.is_own
            else "It belongs to an extension, and a dump has nothing of such a function: update the extension, or drop "
            "what uses it; then take another backup: deploy/backup.py",
        )

    def _not_restored(self, manifest: Manifest, problems: Collection[str]) -> PgMigrateError:
        refusal = self.keeper.damaged(manifest.label, problems).refusal
        return PgMigrateError.of(
            replace(refusal, message=f'could not verify backup "{manifest.label}": its copy is not what it should be')
        )

    def _check_room_of_copy(self, manifest: Manifest, seen: Observed | None) -> None:
        free = self.keeper.look(seen).data_free_bytes
        needed = round(1.1 * manifest.size_bytes)
        if free is None or free >= needed:
            return
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not restore backup "{manifest.label}" into a copy: not enough room where the server keeps its data',
            detail=f"Found {size(free)} free; expected {size(needed)}.",
            hint="Set pg_verify_host to another server, or: --data pg_verify=read --data pg_rehearse=schema",
        )

    def restore(self, manifest: Manifest) -> str:
        """Puts a backup in the place of the database.

        Returns the name under which the old one is kept; empty where there was none.
        """
        with self.copy(manifest, stays=True) as copy:
            _, contents = self.keeper.check(manifest, manifest.label)
            maintenance = self.keeper.maintenance()
            names = self.keeper.names(maintenance)
            kept = _name_ending(f"{self.database}_before", names.now)
            properties = prepared(
                self.session.run,
                self.settings.schema,
                "backup/properties",
                target=copy.database,
                properties=json_line(contents.properties),
            )
            for note in self.keeper.psql(properties, maintenance, "set the properties of the database").value("notes"):
                self.session.tell(f"    note: {note}")
            text = prepared(
                self.session.run,
                self.settings.schema,
                "backup/swap",
                target=self.database,
                kept=kept,
                restored=copy.database,
                properties=json_line(contents.properties),
            )
            self._note_lineage(manifest, copy.database)
            started = monotonic()
            self._swap(programs.swap(self.place, maintenance, text), copy.database, maintenance)
            self.session.tell(f"    swapped in {monotonic() - started:.1f} s")
        return kept if self.database in names.databases else ""

    def restore_table(self, manifest: Manifest, table: str) -> str:
        """Puts one table of a backup into a schema beside, and returns the name of that schema.

        + table: its name, with or without its schema
        Rows, columns and defaults come back; indexes, keys, triggers and policies do not.
        """
        manifest, contents = self.keeper.check(manifest, manifest.label)
        ident = self._table_in(contents, table)
        schema, name = identifiers(ident)
        with self.copy_of_tables(manifest, contents, [ident], host=None) as connection:
            now = self.keeper.names(self.keeper.maintenance()).now
            side = _name_ending("restored_" + re.sub(r"\W", "_", name), now)
            self._compare_table(manifest, contents, connection, ident)
            aside = prepared(
                self.session.run,
                self.settings.schema,
                "backup/table_aside",
                table_schema=schema,
                table_name=name,
                side=side,
            )
            self.keeper.psql(aside, connection, "move the table aside in the copy")
            answer = self.keeper.called(programs.copy_schema(self.place, connection, side), "restore a table of")
            if answer.value("status") != 0:
                raise PgMigrateError(
                    Kind.RESTORE,
                    f'could not restore table {ident} into schema "{side}" of database "{self.database}"',
                    detail=f"Found: {' '.join(answer.text('complaints').split())}; expected it to succeed. "
                    "Nothing of it is left there.",
                    hint="Make what the table needs (its types, mostly), then run again.",
                )
            return side

    @contextmanager
    def copy_of_tables(
        self, manifest: Manifest, contents: Contents, idents: Collection[str], *, host: str | None
    ) -> Iterator[Connection]:
        """Makes a copy with the rows of some tables alone, without indexes and keys, and drops it at the end.

        + idents: names of the tables, with their schema
        + host: of another server on which it is made
        """
        copy, maintenance = self.keeper.new_copy_name(), self.keeper.maintenance(host)
        by_schema: dict[str, list[str]] = {}
        for schema, name in map(identifiers, idents):
            by_schema.setdefault(schema, []).append(f"--table={name}")
        try:
            made = self._make(copy, contents, maintenance)
            # The extensions come with the first.
            pieces = [(made.target, ["--section=pre-data"])]
            for schema, tables in by_schema.items():
                pieces.append((Target(made.connection), ["--data-only", f"--schema={schema}", *tables]))
            for target, options in pieces:
                command = programs.restore(self.place, manifest.label, target, *options, jobs=self.settings.jobs)
                answer = self.keeper.called(command, "restore a table of")
                found = restore_log.complaints(answer.text("complaints"))
                if failures := restore_log.judged(found, made.names.roles).failures:
                    raise self._not_restored(manifest, failures)
            yield made.connection
        finally:
            self.keeper.drop(copy, maintenance, dead_only=False)

    def _table_in(self, contents: Contents, table: str) -> str:
        schema = self.settings.schema
        for name in (table, f"{schema}.{table}"):
            if name in contents.tables:
                return name
        near = difflib.get_close_matches(f"{schema}.{table}", contents.tables, n=3, cutoff=0.0)
        raise PgMigrateError(
            Kind.RESTORE,
            f'could not find table "{table}" in the backup',
            detail=f"Found tables such as {', '.join(near)}; expected one of that name, quoted as SQL would need it.",
            hint=f"Name one of them: --data pg_table={near[0] if near else 'NAME'}",
        )

    def _compare_table(self, manifest: Manifest, contents: Contents, connection: Connection, ident: str) -> None:
        answer = self.keeper.psql(contents_script(self.session.run, self.settings.schema), connection, "read the copy")
        found = contents_of(answer).tables.get(ident)
        if found != contents.tables[ident]:
            raise self._not_restored(manifest, [f"table {ident} is {found}, expected {contents.tables[ident]}"])

    def _note_lineage(self, manifest: Manifest, restored: str) -> None:
        """Notes with the backups that those of the database now, and the one restored, are of the new one too.

        Before the swap: without it the number means nothing, and a swap without it would lose them.
        """
        now, new = self.keeper.identity(), self.keeper.identity(restored)
        is_from_here = manifest.system_identifier == new.system_identifier
        earlier = {oid for oid in (now.oid, manifest.database_oid if is_from_here else 0) if oid}
        if earlier:
            arguments = (new.system_identifier, new.oid, *sorted(earlier))
            self.keeper.called(programs.call("lineage", self.place, *arguments), "note the restore of")

    def _swap(self, command: Command, restored: str, maintenance: Connection) -> None:
        answer = self.session.call(command)
        # An answer that got lost says nothing: whether the copy still has its own name does.
        if answer.status == 0 or restored not in self.keeper.names(maintenance).databases:
            return
        raise PgMigrateError(
            Kind.RESTORE,
            f'could not put the restored database in the place of "{self.database}"',
            detail=f"Found: {' '.join((answer.text('problem') or answer.errors).split())}; expected to rename both. "
            "Neither was renamed; the database is as it was.",
            hint="End what keeps it busy (a prepared transaction, a replication slot), or connect as a role that "
            "owns it and may end sessions, then run again.",
        )


def _name_ending(name: str, now: str) -> str:
    """Returns a name with a time at its end; PostgreSQL takes 63 bytes.

    + now: ISO 8601, UTC

    >>> _name_ending("stage_before", "2026-11-22T13:05:09Z")
    'stage_before_20261122T130509Z'
    """
    ending = f"_{now.replace('-', '').replace(':', '')}"
    return name.encode()[: 63 - len(ending)].decode(errors="ignore") + ending
