"""Compares a database with the backup that was taken before its migrations: rows and totals.

Cheap where nothing differs: each table is read once, each total asked once. The rows of tables that differ are
restored into a database beside, and named by primary key; nothing of the database itself is changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..application.totals import Answers, Total, ask_totals
from ..backup import programs
from ..backup.claim import claimed_backups
from ..backup.contents import Contents, tables_of
from ..backup.keeper import Keeper
from ..backup.manifest import Manifest
from ..backup.verify import described_backup, named_backup
from ..copies.copy import Copies
from ..copies.restore import copy_of_tables
from ..errors import Kind, PgMigrateError
from ..planning.database import DatabaseSession
from ..psql.answer import Answer
from ..psql.script import READS_UNCHECKED, Run, flag, items, joined, prepared, session_of, setting
from ..registry.model import Observed
from ..resources import read_sql
from ..units import size
from . import data
from .data import MOST_KEYS, Compared, Rows, Some, Source
from .verdict import Check

# Bytes of a row that a table had in the backup, where it is empty now: a guess.
_ROW_BYTES = 100

# As describe.sh says it.
_EXIT_NO_BACKUP = 66


def compared(session: DatabaseSession, seen: Observed) -> Iterator[Check]:
    """Yields whether rows and totals are those of the backup; asks the host.

    The backup is that of this run, the one that pg_backup names, or that of the first migration that holds.
    + seen: the database, which has just been read
    """
    label = session.memory.backup or session.settings.backup or data.label_before(seen)
    if not label:
        has_point = seen.registry is not None and seen.registry.restore_point is not None
        yield from data.without_backup(session.applying(session.totals, seen), has_point=has_point)
        return
    keeper = Keeper(session)
    try:
        manifest, contents = _backup(keeper, label)
        source = Source.of(manifest, contents, is_quiet=session.settings.writes == "stopped")
        tables = data.compared_tables(source, seen, session.migrations, session.settings.schema, session.settings.scope)
        found = _found(session, tables)
        # One that the backup answers and that cannot be asked any more has lost what it needs.
        known = [one for one in session.totals if source.answers(one)]
        totals = [*known, *session.applying([one for one in session.totals if one not in known], seen)]
        answers = answered(session, totals)
    except PgMigrateError as error:
        why = f"{error.refusal.message} ({error.refusal.detail})"
        yield from data.not_compared(session.applying(session.totals, seen), f"backup {label}", why, error.refusal.hint)
        return
    if isinstance(found, str):
        hint = "Remove the cause, then: deploy/validate.py"
        yield from data.not_compared((), "the rows of now", f"they could not be read: {found}", hint)
    else:
        suspects = data.differing(tables, source, found)
        explained = _explained(keeper, manifest, contents, suspects) if suspects else {}
        yield from data.data_checks(tables, source, found, explained)
    yield from data.totals_checks(totals, source, answers)


def _backup(keeper: Keeper, label: str) -> tuple[Manifest, Contents]:
    """Returns what a backup says of itself; from then on the keeper works where it is."""
    session = keeper.session
    if label == "latest":
        label = named_backup(keeper, label).label
    elif keeper.look().named(label) is None:
        text = prepared(session.run, session.settings.schema, "validation/backup_place", label=label)
        place = keeper.psql(text, session.settings.connection, "read the registry").value("place")
        if place is not None and place[0] != place[2]:
            raise _not_there(label, f"in the registry that it is on machine {place[0]}, in {place[1]}")
        if place is not None:
            keeper.place = replace(keeper.place, folder=place[1])
    elif label == session.settings.backup:
        # Somebody's choice, which may be of another database; what the registry names is of this one.
        named_backup(keeper, label, failed=True)
    answer = session.call(programs.call("describe", keeper.place, label))
    problem = answer.text("problem") or answer.errors or "no answer"
    if answer.status == _EXIT_NO_BACKUP:
        raise _not_there(label, problem)
    return described_backup(keeper, answer, None, label, [] if answer.status == 0 else [problem])


def _not_there(label: str, found: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.RESTORE,
        f'could not find backup "{label}"',
        detail=f"Found {found}; expected it on this machine.",
        hint="Set pg_backup_dir to where it is, or name another one: --data pg_backup=LABEL",
    )


def _found(session: DatabaseSession, tables: Sequence[Compared]) -> dict[str, tuple[int, str]] | str:
    """Returns rows and content hash by table, over the columns that count, or why they could not be read."""
    known = {one.ident: one.columns for one in tables if one.is_there}
    answer = session.psql(known_contents(known, session.run, session.settings.schema))
    return tables_of(answer) if answer.status == 0 else answer.message or answer.errors or "no answer"


def answered(session: DatabaseSession, totals: Sequence[Total]) -> dict[str, Answers]:
    """Returns what totals answer now, by name; with the reason where one could not be asked."""
    if not totals:
        return {}
    question = ask_totals(totals, session.run, session.schema)
    answer = session.psql(question.script)
    found = question.read(answer)
    why = answer.message or answer.errors or "no answer"
    return {one.name: found.get(one.name, Answers(problem=why)) for one in totals}


def _explained(
    keeper: Keeper, manifest: Manifest, contents: Contents, suspects: Sequence[Compared]
) -> dict[str, Rows | str]:
    """Returns how the rows of tables differ, or why that is not known."""
    session, limit = keeper.session, keeper.settings.explain_mib * 1024**2
    try:
        text = keys_of_tables([one.ident for one in suspects], session.run, session.settings.schema)
        answer = keeper.psql(text, session.settings.connection, "read the tables that differ")
        sizes = {name: (size, tuple(key)) for name, size, key in answer.value("keys")}
        told: dict[str, Rows | str] = {}
        small = []
        for one in suspects:
            size_bytes = max(sizes[one.ident][0], contents.tables[one.ident][0] * _ROW_BYTES)
            if size_bytes <= limit and one.columns:
                small.append(one)
            else:
                told[one.ident] = (
                    f"its rows are not named: {size(size_bytes)} are more than pg_explain_mib "
                    f"({keeper.settings.explain_mib} MiB)"
                )
        keys = [tuple(name for name in sizes[one.ident][1]) for one in small]
        keys = [key if set(key) <= set(one.columns or ()) else () for one, key in zip(small, keys, strict=True)]
        if small:
            told.update(zip((one.ident for one in small), _rows(keeper, manifest, contents, small, keys), strict=True))
    except (PgMigrateError, KeyError, ValueError) as error:
        why = error.refusal.message if isinstance(error, PgMigrateError) else f"the answer cannot be read: {error!r}"
        return {one.ident: f"its rows are not named: {why}" for one in suspects}
    return told


def _rows(
    keeper: Keeper,
    manifest: Manifest,
    contents: Contents,
    tables: Sequence[Compared],
    keys: Sequence[tuple[str, ...]],
) -> list[Rows]:
    asked = [
        (number, one.ident, one.columns or (), key) for number, (one, key) in enumerate(zip(tables, keys, strict=True))
    ]
    text = rows_of_tables(asked, keeper.session.run, keeper.settings.schema)
    idents = [one.ident for one in tables]
    with claimed_backups(keeper):
        copies = Copies(keeper)
        with copy_of_tables(copies, manifest, contents, idents, host=keeper.settings.verify_host) as then:
            command = programs.explain(keeper.place, then, text, most=MOST_KEYS)
            return differing_rows(keeper.called(command, "compare the rows of"), keys)


def known_contents(known: Mapping[str, Sequence[str] | None], run: Run, schema: str, *, is_copy: bool = False) -> str:
    """Returns the script that counts and hashes tables over some of their columns, a transaction each.

    + known: columns by table, quoted as SQL would need them; None: all that it has
    + is_copy: what reading them runs is no matter (see psql/reading.sql)
    """
    parts = [*session_of(run, schema, "validate"), setting("known", json.dumps(known, ensure_ascii=False))]
    checks = READS_UNCHECKED if is_copy else read_sql("psql/reading")
    parts += [read_sql("psql/reading_only"), checks, setting("a_transaction_each", flag(True))]
    return joined([*parts, read_sql("backup/contents")])


def keys_of_tables(tables: Sequence[str], run: Run, schema: str) -> str:
    """Returns the script that tells sizes and primary keys of tables."""
    parts = [*session_of(run, schema, "validate"), setting("tables", items(tables))]
    return joined([*parts, read_sql("psql/reading_only"), read_sql("validation/keys")])


def rows_of_tables(tables: Sequence[tuple[int, str, Sequence[str], Sequence[str]]], run: Run, schema: str) -> str:
    """Returns the script that prints the key and a hash of each row.

    + tables: number, name, columns that count and columns of the key
    """
    parts = [*session_of(run, schema, "validate"), setting("tables", items(tables))]
    return joined([*parts, read_sql("psql/reading_only"), read_sql("psql/reading"), read_sql("validation/rows")])


def differing_rows(answer: Answer, keys: Sequence[tuple[str, ...]]) -> list[Rows]:
    """Returns how rows differ, as explain.sh told, one for each table that was asked about.

    + keys: columns of the primary key of each table; none where it has none
    Raises ValueError where the answer cannot be read.
    """
    told: dict[tuple[int, str], Some] = {}
    for line in answer.text("rows").splitlines():
        number, kind, count, *first = line.split("\t")
        if not 0 <= int(number) < len(keys):
            raise ValueError(f"rows of table {number}, of {len(keys)}")
        names = tuple(", ".join(map(str, json.loads(key))) for key in first) if keys[int(number)] else ()
        told[int(number), kind] = Some(int(count), names)
    return [
        Rows(key, *(told.get((number, kind), Some()) for kind in ("inserted", "deleted", "changed")))
        for number, key in enumerate(keys)
    ]
