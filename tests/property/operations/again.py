"""What was dropped or changed comes again."""

from __future__ import annotations

from ..model import Column, Sequence, Table, Thing, View, quoted
from ..pen import Pen, Written, operation


@operation("again", 6)
def make_again(pen: Pen) -> Written:
    if not pen.graves:
        return
    grave = pen.pick(pen.graves)
    pen.graves.remove(grave)
    made, back = grave
    yield made
    back()


@operation("again", 3)
def undo_and_redo(pen: Pen) -> Written:
    """Drops something and makes the same again, all in one migration."""
    found: list[tuple[str, Thing]] = [("SEQUENCE", one) for one in pen.model.sequences if one.made]
    found += [("VIEW", one) for one in pen.model.views if one.made and not one.is_materialized]
    found += [("TABLE", one) for one in pen.model.tables if one.made and len(one.parts) == 1]
    if not found:
        return
    word, thing = pen.pick(found)
    made = thing.made
    yield f"DROP {word} {pen.ref(thing)}"
    if isinstance(thing, Table):
        pen.model.forget_table(thing)
    elif isinstance(thing, View):
        pen.model.views.remove(thing)
    elif isinstance(thing, Sequence):
        pen.model.sequences.remove(thing)
    yield made
    if isinstance(thing, Table):
        thing.rows = False
        pen.model.tables.append(thing)
    elif isinstance(thing, View):
        pen.model.views.append(thing)
    elif isinstance(thing, Sequence):
        pen.model.sequences.append(thing)


@operation("again", 2)
def there_and_back(pen: Pen) -> Written:
    """Changes something and changes it back: no trace of it is left."""
    table = pen.table(lambda one: bool(one.columns) and one.parent is None)
    if table is None:
        return
    column: Column = pen.pick(table.columns)
    alter = f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)}"
    match pen.pick(["column", "default", "statistics", "rename"]):
        case "column":
            name = f"passing_{pen.count()}"
            yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN {name} integer"
            yield f"ALTER TABLE {pen.ref(table)} DROP COLUMN {name}"
        case "default" if column.kind.values and not column.auto and not column.has_default:
            yield f"{alter} SET DEFAULT {pen.constant(column.kind)}"
            yield f"{alter} DROP DEFAULT"
        case "rename":
            name = quoted(f"passing_{pen.count()}")
            yield f"ALTER TABLE {pen.ref(table)} RENAME COLUMN {quoted(column.name)} TO {name}"
            yield f"ALTER TABLE {pen.ref(table)} RENAME COLUMN {name} TO {quoted(column.name)}"
        case _:
            yield f"{alter} SET STATISTICS 200"
            yield f"{alter} SET STATISTICS -1"
