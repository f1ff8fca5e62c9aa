"""Operations on statistics objects."""

from __future__ import annotations

from ..model import Part, quoted
from ..pen import Pen, Written, operation
from .indexes import SORTED


@operation("statistics", 2)
def create_statistics(pen: Pen) -> Written:
    table = pen.table(lambda one: sum(column.kind.family in SORTED for column in one.columns) > 1)
    if table is None:
        return
    schema, name, text = pen.place()
    columns = [one for one in table.columns if one.kind.family in SORTED and one.auto != "stored"][:3]
    if len(columns) < 2:
        return
    kinds = pen.pick(["", " (ndistinct, dependencies)", " (mcv)"])
    part = Part(name, "statistics", columns=tuple(columns), schema=schema)
    part.made = (
        f"CREATE STATISTICS {text}{kinds} ON {', '.join(quoted(one.name) for one in columns)} FROM {pen.ref(table)}"
    )
    yield part.made
    table.parts.append(part)


@operation("statistics", 1)
def alter_statistics(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("statistics")))
    if table is None:
        return
    part = pen.pick(table.of("statistics"))
    name = f"{quoted(part.schema)}.{quoted(part.name)}"
    match pen.pick(["target", "rename", "drop"]):
        case "target":
            yield f"ALTER STATISTICS {name} SET STATISTICS {pen.pick(['100', '-1'])}"
            part.made = ""
        case "rename":
            new = pen.name()
            yield f"ALTER STATISTICS {name} RENAME TO {quoted(new)}"
            part.name, part.made = new, ""
        case _:
            yield f"DROP STATISTICS {name}"
            table.parts.remove(part)
            pen.bury(part.made, lambda: table.parts.append(part))
