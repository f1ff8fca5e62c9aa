"""Compares a database with the backup that was taken before its migrations: rows and totals.

Cheap where nothing differs: each table is read once, each total asked once. The rows of tables that differ are
restored into a database beside, and named by primary key; nothing of the database itself is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..application.totals import Answers, Total
from ..backup import programs
from ..backup.copy import Copies
from ..backup.keeper import Keeper
from ..backup.manifest import Contents, Manifest
from ..errors import Kind, PgMigrateError
from ..host.session import Engine
from ..psql import answers, questions
from ..registry.model import Observed
from ..report import console
from . import data
from .checks import Check
from .data import MOST_KEYS, Compared, Rows, Source

# Bytes of a row that a table had in the backup, where it is empty now: a guess.
_ROW_BYTES = 100

# As describe.sh says it.
_EXIT_NO_BACKUP = 66


def compared(engine: Engine, seen: Observed) -> Iterator[Check]:
    """Yields whether rows and totals are those of the backup; asks the host.

    The backup is that of this run, the one that pg_backup names, or that of the first migration that holds.
    + seen: the database, which has just been read
    """
    label = engine.backup or engine.settings.backup or data.label_before(seen)
    if not label:
        yield from data.without_backup(engine.applying(engine.totals, seen))
        return
    keeper = Keeper(engine)
    try:
        manifest, contents = _backup(keeper, label)
        source = Source.of(manifest, contents, is_quiet=engine.settings.writes == "stopped")
        tables = data.compared_tables(source, seen, engine.migrations, engine.settings.schema)
        found = _found(engine, tables)
        # One that the backup answers and that cannot be asked any more has lost what it needs.
        known = [one for one in engine.totals if source.answers(one)]
        totals = [*known, *engine.applying([one for one in engine.totals if one not in known], seen)]
        answers = answered(engine, totals)
    except PgMigrateError as error:
        why = f"{error.refusal.message} ({error.refusal.detail})"
        yield from data.not_compared(engine.applying(engine.totals, seen), f"backup {label}", why, error.refusal.hint)
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
    engine = keeper.engine
    if label == "latest":
        label = keeper.named(label).label
    elif keeper.look().named(label) is None:
        text = questions.prepared(engine.run, engine.settings.schema, "backup_place", label=label)
        place = keeper.psql(text, engine.settings.connection, "read the registry").value("place")
        if place is not None and place[0] != place[2]:
            raise _not_there(label, f"in the registry that it is on machine {place[0]}, in {place[1]}")
        if place is not None:
            keeper.place = replace(keeper.place, folder=place[1])
    elif label == engine.settings.backup:
        # Somebody's choice, which may be of another database; what the registry names is of this one.
        keeper.named(label, failed=True)
    answer = engine.call(programs.call("describe", keeper.place, label))
    problem = answer.text("problem") or answer.errors or "no answer"
    if answer.status == _EXIT_NO_BACKUP:
        raise _not_there(label, problem)
    return keeper.described(answer, None, label, [] if answer.status == 0 else [problem])


def _not_there(label: str, found: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.RESTORE,
        f'could not find backup "{label}"',
        detail=f"Found {found}; expected it on this machine.",
        hint="Set pg_backup_dir to where it is, or name another one: --data pg_backup=LABEL",
    )


def _found(engine: Engine, tables: Sequence[Compared]) -> dict[str, tuple[int, str]] | str:
    """Returns rows and content hash by table, over the columns that count, or why they could not be read."""
    known = {one.ident: one.columns for one in tables if one.is_there}
    answer = engine.psql(questions.known_contents(known, engine.run, engine.settings.schema))
    return answers.tables(answer) if answer.status == 0 else answer.message or answer.errors or "no answer"


def answered(engine: Engine, totals: Sequence[Total]) -> dict[str, Answers]:
    """Returns what totals answer now, by name; with the reason where one could not be asked."""
    if not totals:
        return {}
    answer = engine.psql(questions.totals(totals, engine.run, engine.settings.schema))
    found = answers.totals(answer)
    why = answer.message or answer.errors or "no answer"
    return {one.name: found.get(one.name, Answers(problem=why)) for one in totals}


def _explained(
    keeper: Keeper, manifest: Manifest, contents: Contents, suspects: Sequence[Compared]
) -> dict[str, Rows | str]:
    """Returns how the rows of tables differ, or why that is not known."""
    engine, limit = keeper.engine, keeper.settings.explain_mib * 1024**2
    try:
        text = questions.keys([one.ident for one in suspects], engine.run, engine.settings.schema)
        answer = keeper.psql(text, engine.settings.connection, "read the tables that differ")
        sizes = {name: (size, tuple(key)) for name, size, key in answer.value("keys")}
        told: dict[str, Rows | str] = {}
        small = []
        for one in suspects:
            size = max(sizes[one.ident][0], contents.tables[one.ident][0] * _ROW_BYTES)
            if size <= limit and one.columns:
                small.append(one)
            else:
                told[one.ident] = (
                    f"its rows are not named: {console.size(size)} are more than pg_explain_mib "
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
    text = questions.rows(asked, keeper.engine.run, keeper.settings.schema)
    idents = [one.ident for one in tables]
    with keeper.claimed():
        copies = Copies(keeper)
        with copies.copy_of_tables(manifest, contents, idents, host=keeper.settings.verify_host) as then:
            command = programs.explain(keeper.place, then, text, most=MOST_KEYS)
            return answers.rows(keeper.called(command, "compare the rows of"), keys)
