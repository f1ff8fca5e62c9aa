"""Copies of a database, restored from its backups: to prove them, to rehearse on, to take its place.

A copy is a database named after the original and the run, dropped at the end; what a killed run leaves of
them, the next one that claims the backups drops.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic

from . import backups, programs, reading, script, telling
from .backups import Contents, Manifest
from .errors import Kind, PgMigrateError
from .keeper import MOST_DIFFERENCES, Keeper, ServerNames
from .observed import Observed
from .psql import Command
from .settings import Connection


@dataclass(frozen=True)
class Copy:
    """A database restored from a backup, for as long as it is needed.

    + notes: what could not be restored for reasons outside the backup
    """

    database: str
    connection: Connection
    server_version: str
    notes: tuple[str, ...]


class Copies:
    """Makes copies of one database from its backups, which the keeper has claimed."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.engine = keeper.engine
        self.settings = keeper.settings
        self.place = keeper.place
        self.database = keeper.database

    @contextmanager
    def copy(self, manifest: Manifest, seen: Observed | None = None, *, on_verify_host: bool = True) -> Iterator[Copy]:
        """Restores a backup into a database beside, compares it with what the backup says, drops it at the end.

        + seen: the database, where it is known
        + on_verify_host: False makes it on the server of the database in any case
        """
        manifest, contents = self.keeper.check(manifest, manifest.label)
        if not on_verify_host or self.settings.verify_host is None:
            self._check_room_of_copy(manifest, seen)
        name = self.keeper.new_copy_name()
        maintenance = self.keeper.maintenance(self.settings.verify_host if on_verify_host else None)
        connection = replace(maintenance, database=name)
        started = monotonic()
        try:
            names = self._make(name, contents, maintenance)
            if names.version_num // 10000 < manifest.server_version_num // 10000:
                raise PgMigrateError(
                    Kind.BACKUP,
                    f'could not restore backup "{manifest.label}": the server there is older',
                    detail=f"Found PostgreSQL {names.version}; expected {manifest.server_version} or later.",
                    hint="Use a server of the same version, or leave pg_verify_host out.",
                )
            notes = self._restore_into(manifest, contents, connection, names.roles)
            self.engine.tell(f"    restored into a copy and compared in {monotonic() - started:.1f} s")
            for note in notes:
                self.engine.tell(f"    note: {note}")
            yield Copy(name, connection, names.version, notes)
        finally:
            self.keeper.drop(name, maintenance, dead_only=False)

    @contextmanager
    def copy_of_structure(self, seen: Observed) -> Iterator[Copy]:
        """Makes a copy without rows, but for those of the registry, and drops it at the end."""
        name = self.keeper.new_copy_name()
        maintenance = self.keeper.maintenance(self.settings.verify_host)
        connection = replace(maintenance, database=name)
        answer = self.keeper.psql(
            script.about(self.engine.run, self.settings.schema), self.settings.connection, "read the database"
        )
        contents = reading.contents(answer)
        try:
            names = self._make(name, contents, maintenance)
            command = programs.copy_structure(self.place, connection, has_registry=seen.registry is not None)
            answer = self.keeper.called(command, "copy the structure of")
            judged = backups.judged(backups.complaints(answer.text("complaints")), names.roles)
            copied = reading.contents(
                self.keeper.psql(script.about(self.engine.run, self.settings.schema), connection, "read the copy")
            )
            differing = judged.failures or list(backups.differences(replace(contents, large_objects=0), copied, judged))
            if differing:
                raise PgMigrateError(
                    Kind.REHEARSAL,
                    f'could not copy the structure of database "{self.database}"',
                    detail=f"Found: {'; '.join(differing[:MOST_DIFFERENCES])}; expected the same catalog.",
                    hint="To go on without a rehearsal: --data pg_rehearse=off",
                )
            yield Copy(name, connection, names.version, judged.notes)
        finally:
            self.keeper.drop(name, maintenance, dead_only=False)

    def _make(self, name: str, contents: Contents, maintenance: Connection) -> ServerNames:
        text = script.prepared(
            self.engine.run,
            self.settings.schema,
            "make_scratch",
            scratch=name,
            properties=backups.json_line(contents.properties),
            host_name=self.keeper.host_name,
            run_file=self.keeper.run_file,
        )
        self.keeper.psql(text, maintenance, "make a database for the copy")
        return self.keeper.names(maintenance)

    def _restore_into(
        self, manifest: Manifest, contents: Contents, connection: Connection, roles: Collection[str]
    ) -> tuple[str, ...]:
        """Returns what could not be restored for reasons outside the backup."""
        command = programs.restore(
            self.place, manifest.label, connection, "--no-subscriptions", jobs=self.settings.jobs
        )
        answer = self.keeper.called(command, "restore a copy of")
        output = answer.text("complaints")
        found = backups.complaints(output)
        judged = backups.judged(found, roles)
        outside = backups.outside(answer.value("status"), judged.failures)
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
        if judged.failures:
            raise self._not_restored(manifest, judged.failures)
        answer = self.keeper.psql(script.contents(self.engine.run, self.settings.schema), connection, "read the copy")
        differing = list(backups.differences(contents, reading.contents(answer), judged))
        if differing:
            raise self._not_restored(manifest, differing)
        return judged.notes

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
            detail=f"Found {telling.size(free)} free; expected {telling.size(needed)}.",
            hint="Set pg_verify_host to another server, or: --data pg_verify=read --data pg_rehearse=schema",
        )

    def restore(self, manifest: Manifest) -> str:
        """Puts a backup in the place of the database.

        Returns the name under which the old one is kept; empty where there was none.
        """
        with self.copy(manifest, on_verify_host=False) as copy:
            _, contents = self.keeper.check(manifest, manifest.label)
            event = script.prepared(
                self.engine.run, self.settings.schema, "restored", label=manifest.label, taken_at=manifest.taken_at
            )
            self.keeper.psql(event, copy.connection, "write the event into the restored database")
            maintenance = self.keeper.maintenance()
            names = self.keeper.names(maintenance)
            kept = _name_ending(f"{self.database}_before", names.now)
            properties = script.prepared(
                self.engine.run,
                self.settings.schema,
                "properties",
                target=copy.database,
                properties=backups.json_line(contents.properties),
            )
            for note in self.keeper.psql(properties, maintenance, "set the properties of the database").value("notes"):
                self.engine.tell(f"    note: {note}")
            text = script.prepared(
                self.engine.run,
                self.settings.schema,
                "swap",
                target=self.database,
                kept=kept,
                restored=copy.database,
                properties=backups.json_line(contents.properties),
            )
            self._note_lineage(manifest, copy.database)
            started = monotonic()
            self._swap(programs.swap(self.place, maintenance, text), copy.database, maintenance)
            self.engine.tell(f"    swapped in {monotonic() - started:.1f} s")
        return kept if self.database in names.databases else ""

    def restore_table(self, manifest: Manifest, table: str) -> str:
        """Puts one table of a backup into a schema beside, and returns the name of that schema.

        + table: its name, with or without its schema
        Rows, columns and defaults come back; indexes, keys, triggers and policies do not.
        """
        manifest, contents = self.keeper.check(manifest, manifest.label)
        ident = self._table_in(contents, table)
        schema, name = backups.identifiers(ident)
        with self.copy_of_tables(manifest, contents, [ident], host=None) as connection:
            now = self.keeper.names(self.keeper.maintenance()).now
            side = _name_ending("restored_" + re.sub(r"\W", "_", name), now)
            self._compare_table(manifest, contents, connection, ident)
            aside = script.prepared(
                self.engine.run, self.settings.schema, "table_aside", table_schema=schema, table_name=name, side=side
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
        connection = replace(maintenance, database=copy)
        by_schema: dict[str, list[str]] = {}
        for schema, name in map(backups.identifiers, idents):
            by_schema.setdefault(schema, []).append(f"--table={name}")
        try:
            names = self._make(copy, contents, maintenance)
            rows = [["--data-only", f"--schema={schema}", *tables] for schema, tables in by_schema.items()]
            for options in (["--section=pre-data"], *rows):
                command = programs.restore(
                    self.place, manifest.label, connection, "--no-subscriptions", *options, jobs=self.settings.jobs
                )
                answer = self.keeper.called(command, "restore a table of")
                found = backups.complaints(answer.text("complaints"))
                if failures := backups.judged(found, names.roles).failures:
                    raise self._not_restored(manifest, failures)
            yield connection
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
        answer = self.keeper.psql(script.contents(self.engine.run, self.settings.schema), connection, "read the copy")
        found = reading.contents(answer).tables.get(ident)
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
        answer = self.engine.call(command)
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
