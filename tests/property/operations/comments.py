"""Comments on things of all kinds."""

from __future__ import annotations

from ..model import Table, quoted
from ..pen import Pen, Written, operation


@operation("comments", 4)
def comment(pen: Pen) -> Written:
    text = pen.text() if not pen.chance(20) else "NULL"
    table = pen.table()
    target = ""
    choice = pen.pick(
        ["table", "column", "schema", "type", "function", "index", "constraint", "trigger", "view", "policy"]
    )
    if choice == "schema":
        target = f"SCHEMA {quoted(pen.pick(pen.model.schemas))}"
    elif choice == "type" and pen.model.kinds:
        kind = pen.pick(pen.model.kinds)
        target = f"{'DOMAIN' if kind.attributes == ['domain'] else 'TYPE'} {pen.ref(kind)}"
    elif choice == "function" and pen.model.routines:
        routine = pen.pick(pen.model.routines)
        target = f"{routine.kind.upper()} {pen.ref(routine)}({routine.arguments})"
    elif choice == "view" and pen.model.views:
        view = pen.pick(pen.model.views)
        target = f"{'MATERIALIZED VIEW' if view.is_materialized else 'VIEW'} {pen.ref(view)}"
    elif table is not None:
        target = _part_of_table(pen, table, choice)
    if target:
        yield f"COMMENT ON {target} IS {text}"


def _part_of_table(pen: Pen, table: Table, choice: str) -> str:
    if choice == "column" and table.columns:
        return f"COLUMN {pen.ref(table)}.{quoted(pen.pick(table.columns).name)}"
    if choice == "index" and table.of("index"):
        part = pen.pick(table.of("index"))
        return f"INDEX {quoted(part.schema)}.{quoted(part.name)}"
    if choice in ("trigger", "policy") and table.of(choice):
        return f"{choice.upper()} {quoted(pen.pick(table.of(choice)).name)} ON {pen.ref(table)}"
    if choice == "constraint" and table.of("check", "foreign", "unique"):
        return f"CONSTRAINT {quoted(pen.pick(table.of('check', 'foreign', 'unique')).name)} ON {pen.ref(table)}"
    return f"TABLE {pen.ref(table)}"
