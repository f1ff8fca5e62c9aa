"""A verified backup takes the place of the database, or a table of it comes back beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic

from ..backup import programs
from ..backup.contents import Contents, contents_of, contents_script, identifiers
from ..backup.manifest import Manifest, json_line
from ..backup.programs import Target
from ..backup.verify import check_backup
from ..errors import Kind, PgMigrateError
from ..psql.command import Command
from ..psql.script import prepared
from ..settings import Connection
from . import restore_log
from .copy import Copies
from .refusals import not_restored


def restore_database_from(copies: Copies, manifest: Manifest) -> str:
    """Puts a backup in the place of the database.

    Returns the name under which the old one is kept; empty where there was none.
    """
    with copies.copy(manifest, stays=True) as copy:
        _, contents = check_backup(copies.keeper, manifest, manifest.label)
        maintenance = copies.keeper.maintenance()
        names = copies.keeper.names(maintenance)
        kept = _name_ending(f"{copies.database}_before", names.now)
        properties = prepared(
            copies.session.run,
            copies.settings.schema,
            "copies/properties",
            target=copy.database,
            properties=json_line(contents.properties),
        )
        for note in copies.keeper.psql(properties, maintenance, "set the properties of the database").value("notes"):
            copies.session.tell(f"    note: {note}")
        text = prepared(
            copies.session.run,
            copies.settings.schema,
            "copies/swap",
            target=copies.database,
            kept=kept,
            restored=copy.database,
            properties=json_line(contents.properties),
        )
        _note_lineage(copies, manifest, copy.database)
        started = monotonic()
        _swap(copies, programs.swap(copies.place, maintenance, text), copy.database, maintenance)
        copies.session.tell(f"    swapped in {monotonic() - started:.1f} s")
    return kept if copies.database in names.databases else ""


def restore_table_from(copies: Copies, manifest: Manifest, table: str) -> str:
    """Puts one table of a backup into a schema beside, and returns the name of that schema.

    + table: its name, with or without its schema
    Rows, columns and defaults come back; indexes, keys, triggers and policies do not.
    """
    manifest, contents = check_backup(copies.keeper, manifest, manifest.label)
    ident = _table_in(copies, contents, table)
    schema, name = identifiers(ident)
    with copy_of_tables(copies, manifest, contents, [ident], host=None) as connection:
        now = copies.keeper.names(copies.keeper.maintenance()).now
        side = _name_ending("restored_" + re.sub(r"\W", "_", name), now)
        _compare_table(copies, manifest, contents, connection, ident)
        aside = prepared(
            copies.session.run,
            copies.settings.schema,
            "copies/table_aside",
            table_schema=schema,
            table_name=name,
            side=side,
        )
        copies.keeper.psql(aside, connection, "move the table aside in the copy")
        answer = copies.keeper.called(programs.copy_schema(copies.place, connection, side), "restore a table of")
        if answer.value("status") != 0:
            raise PgMigrateError(
                Kind.RESTORE,
                f'could not restore table {ident} into schema "{side}" of database "{copies.database}"',
                detail=f"Found: {' '.join(answer.text('complaints').split())}; expected it to succeed. "
                "Nothing of it is left there.",
                hint="Make what the table needs (its types, mostly), then run again.",
            )
        return side


@contextmanager
def copy_of_tables(
    copies: Copies, manifest: Manifest, contents: Contents, idents: Collection[str], *, host: str | None
) -> Iterator[Connection]:
    """Makes a copy with the rows of some tables alone, without indexes and keys, and drops it at the end.

    + idents: names of the tables, with their schema
    + host: of another server on which it is made
    """
    copy, maintenance = copies.keeper.new_copy_name(), copies.keeper.maintenance(host)
    by_schema: dict[str, list[str]] = {}
    for schema, name in map(identifiers, idents):
        by_schema.setdefault(schema, []).append(f"--table={name}")
    try:
        made = copies._make(copy, contents, maintenance)
        # The extensions come with the first.
        pieces = [(made.target, ["--section=pre-data"])]
        for schema, tables in by_schema.items():
            pieces.append((Target(made.connection), ["--data-only", f"--schema={schema}", *tables]))
        for target, options in pieces:
            command = programs.restore(copies.place, manifest.label, target, *options, jobs=copies.settings.jobs)
            answer = copies.keeper.called(command, "restore a table of")
            found = restore_log.complaints(answer.text("complaints"))
            if failures := restore_log.judged(found, made.names.roles).failures:
                raise not_restored(copies.keeper, manifest, failures)
        yield made.connection
    finally:
        copies.keeper.drop(copy, maintenance)


def _table_in(copies: Copies, contents: Contents, table: str) -> str:
    schema = copies.settings.schema
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


def _compare_table(copies: Copies, manifest: Manifest, contents: Contents, connection: Connection, ident: str) -> None:
    answer = copies.keeper.psql(
        contents_script(copies.session.run, copies.settings.schema), connection, "read the copy"
    )
    found = contents_of(answer).tables.get(ident)
    if found != contents.tables[ident]:
        raise not_restored(copies.keeper, manifest, [f"table {ident} is {found}, expected {contents.tables[ident]}"])


def _note_lineage(copies: Copies, manifest: Manifest, restored: str) -> None:
    """Notes with the backups that those of the database now, and the one restored, are of the new one too.

    Before the swap: without it the number means nothing, and a swap without it would lose them.
    """
    now, new = copies.keeper.identity(), copies.keeper.identity(restored)
    is_from_here = manifest.system_identifier == new.system_identifier
    earlier = {oid for oid in (now.oid, manifest.database_oid if is_from_here else 0) if oid}
    if earlier:
        arguments = (new.system_identifier, new.oid, *sorted(earlier))
        copies.keeper.called(programs.call("lineage", copies.place, *arguments), "note the restore of")


def _swap(copies: Copies, command: Command, restored: str, maintenance: Connection) -> None:
    answer = copies.session.call(command)
    # An answer that got lost says nothing: whether the copy still has its own name does.
    if answer.status == 0 or restored not in copies.keeper.names(maintenance).databases:
        return
    raise PgMigrateError(
        Kind.RESTORE,
        f'could not put the restored database in the place of "{copies.database}"',
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
