"""Operations on sequences."""

from __future__ import annotations

from ..model import Sequence, literal, quoted
from ..pen import Pen, Written, operation


@operation("sequences", 3)
def create_sequence(pen: Pen) -> Written:
    schema, name, text = pen.place()
    sequence = Sequence(schema, name)
    options = pen.pick(
        ["", " AS integer", " START 100 INCREMENT BY 10", " MINVALUE -5 MAXVALUE 500 CYCLE", " CACHE 20"]
    )
    exists = "IF NOT EXISTS " if pen.chance(15) else ""
    sequence.made = f"CREATE SEQUENCE {exists}{text}{options}"
    yield sequence.made
    pen.model.sequences.append(sequence)


@operation("sequences", 3)
def alter_sequence(pen: Pen) -> Written:
    if not pen.model.sequences:
        return
    sequence = pen.pick(pen.model.sequences)
    ref = pen.ref(sequence)
    table = pen.table(lambda one: bool(one.columns) and one.schema == sequence.schema and not one.is_partition)
    match pen.pick(["increment", "restart", "owned", "not owned", "rename", "value", "next", "use", "schema"]):
        case "increment":
            yield f"ALTER SEQUENCE {ref} INCREMENT BY {pen.whole(2, 9)}"
        case "restart":
            yield f"ALTER SEQUENCE {ref} RESTART WITH 200"
        case "owned" if table is not None:
            yield f"ALTER SEQUENCE {ref} OWNED BY {pen.ref(table)}.{quoted(table.columns[-1].name)}"
        case "not owned":
            yield f"ALTER SEQUENCE {ref} OWNED BY NONE"
        case "rename":
            name = pen.name()
            yield f"ALTER SEQUENCE {ref} RENAME TO {quoted(name)}"
            sequence.name = name
        case "value":
            yield f"SELECT setval({literal(pen.sure(sequence))}, 300)"
        case "next":
            yield f"SELECT nextval({literal(pen.sure(sequence))})"
        case "use" if table is not None:
            columns = [
                one for one in table.columns if one.kind.family == "number" and not one.auto and not one.kind.is_own
            ]
            if not columns:
                return
            column = pen.pick(columns)
            yield f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)} SET DEFAULT nextval({literal(pen.sure(sequence))})"
            column.has_default, table.made = True, ""
        case "schema" if len(pen.model.schemas) > 1:
            schema = pen.pick([one for one in pen.model.schemas if one != sequence.schema])
            yield f"ALTER SEQUENCE {ref} SET SCHEMA {quoted(schema)}"
            sequence.schema = schema
        case _:
            return
    sequence.made = ""


@operation("sequences", 1)
def drop_sequence(pen: Pen) -> Written:
    if not pen.model.sequences:
        return
    sequence = pen.pick(pen.model.sequences)
    yield f"DROP SEQUENCE {pen.ref(sequence)}"
    pen.model.sequences.remove(sequence)
    pen.bury(sequence.made, lambda: pen.model.sequences.append(sequence))
