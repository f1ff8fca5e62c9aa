"""Operations on schemas."""

from __future__ import annotations

from ..model import Kind, Table, quoted
from ..pen import Pen, Written, operation


@operation("schemas", 2)
def create_schema(pen: Pen) -> Written:
    name = pen.name()
    yield f"CREATE SCHEMA {'IF NOT EXISTS ' if pen.chance(20) else ''}{quoted(name)}"
    pen.model.schemas.append(name)


@operation("schemas", 1)
def rename_schema(pen: Pen) -> Written:
    found = [one for one in pen.model.schemas if one != "public" and one not in pen.path]
    if not found:
        return
    schema, name = pen.pick(found), pen.name()
    yield f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(name)}"
    pen.model.schemas[pen.model.schemas.index(schema)] = name
    for thing in pen.model.things:
        if thing.schema == schema:
            thing.schema, thing.made = name, ""
    for table in pen.model.tables:
        for part in table.parts:
            part.schema = name if part.schema == schema else part.schema


@operation("schemas", 1)
def drop_schema(pen: Pen) -> Written:
    found = [one for one in pen.model.schemas if one != "public" and one not in pen.path]
    if not found:
        return
    schema = pen.pick(found)
    inside = [one for one in pen.model.things if one.schema == schema]
    if any(isinstance(one, Kind) for one in inside):
        return
    cascade = " CASCADE" if inside or pen.chance(20) else ""
    yield f"DROP SCHEMA {quoted(schema)}{cascade}"
    pen.model.schemas.remove(schema)
    for one in inside:
        if isinstance(one, Table):
            pen.model.forget_table(one)
    model = pen.model
    model.views = [one for one in model.views if one.schema != schema]
    model.routines = [one for one in model.routines if one.schema != schema]
    model.sequences = [one for one in model.sequences if one.schema != schema]
