"""What migrations would do to large tables: the rules that are a matter of size, and the sizes. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import Kind, Refusal
from ..migrations.files import Migration
from ..psql.answer import Answer, Unreadable
from ..psql.question import Question
from ..psql.script import Run, items, joined, session_of, setting
from ..registry.model import Observed
from ..resources import read_sql
from ..units import size
from .rules import Finding, findings


@dataclass(frozen=True)
class TableSize:
    """How large a table is.

    + rows: about, as the planner knows them; bytes: without its indexes
    """

    rows: int
    bytes: int


def sizes(tables: Collection[str], run: Run, schema: str) -> Question[dict[str, TableSize] | Unreadable]:
    """Asks how large tables are, by name as lines write it; one that is not there is not in the answer.

    Locks: reads only.
    """
    parts = [*session_of(run, schema, "sizes"), setting("tables", items(tables)), read_sql("lint/sizes")]
    return Question("sizes of tables", joined(parts), _sizes_in)


def _sizes_in(answer: Answer) -> dict[str, TableSize] | Unreadable:
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    return {name: TableSize(rows, size_bytes) for name, rows, size_bytes in answer.value("sizes")}


def matters_of_size(pending: Sequence[tuple[Migration, Collection[int]]], observed: Observed) -> list[Finding]:
    """Returns the rules that a run would break on tables that are there, and that are a matter of size.

    + pending: migrations, each with the numbers of its statements that would run
    """
    kinds = ("table ", "materialized_view ")
    there = {key.partition(" ")[2] for key in observed.catalog.by_key if key.startswith(kinds)}
    running = [
        (migration, statement)
        for migration, numbers in pending
        if migration.effect is not None
        for statement in migration.chosen(numbers)
    ]
    touching = {
        migration.name: migration
        for migration, statement in running
        if not there.isdisjoint(lock.relation for lock in migration.effect_of(statement).locks)
    }
    lines = {(f"{migration.name}.sql", statement.line) for migration, statement in running}
    return [
        replace(one, tables=tables)
        for one in findings(list(touching.values()), observed.catalog.lines)
        if (one.file, one.line) in lines and (tables := tuple(name for name in one.tables if name in there))
    ]


def judged_by_size(
    found: Collection[Finding], sizes: Mapping[str, TableSize], most_rows: int
) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """Returns what is to be noted, as the tables are small, and refusals of what keeps others from a large one.

    + most_rows: rows above which a table is large; 0: none is
    """
    notes: list[str] = []
    refusals: list[Refusal] = []
    for one in found:
        known = {name: sizes[name] for name in one.tables if name in sizes}
        if not known:
            continue
        name = max(known, key=lambda name: known[name].rows)
        told = f"about {known[name].rows} rows in table {name} ({size(known[name].bytes)})"
        if most_rows and known[name].rows > most_rows:
            refusals.append(
                Refusal(
                    Kind.LARGE,
                    f"cannot apply {one.file}: line {one.line} breaks rule {one.rule} on a large table",
                    detail=f"Found {told}: {one.message}; expected at most {most_rows} rows (pg_large_table_rows).",
                    hint=f"{one.remedy}; or for one run: --data pg_large_table_rows=0",
                )
            )
        else:
            notes.append(f"{one.file}:{one.line}: {one.rule}: {one.message}; {told}")
    return tuple(notes), tuple(refusals)
