"""Operations on constraints."""

from __future__ import annotations

from ..model import BUILT_IN, Column, Part, quoted
from ..pen import Pen, Sql, Written, operation
from .definitions import add_to, check_of


@operation("constraints", 3)
def add_check(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and not one.is_partition)
    if table is None:
        return
    column = pen.pick(table.columns)
    part = Part(pen.name(), "check", columns=(column,), is_valid=not pen.chance(40))
    ending = "" if part.is_valid else " NOT VALID"
    if part.is_valid and pen.chance(15) and not table.split:
        ending = " NO INHERIT"
    part.made = (
        f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} CHECK ({check_of(pen, column)}){ending}"
    )
    yield part.made
    table.parts.append(part)
    table.made = ""
    if not part.is_valid and pen.chance(50):
        yield f"ALTER TABLE {pen.ref(table)} VALIDATE CONSTRAINT {quoted(part.name)}"
        part.is_valid = True


@operation("constraints", 2)
def validate(pen: Pen) -> Written:
    table = pen.table(lambda one: any(not part.is_valid for part in one.of("check", "foreign")))
    if table is None:
        return
    part = pen.pick([one for one in table.of("check", "foreign") if not one.is_valid])
    yield f"ALTER TABLE {pen.ref(table)} VALIDATE CONSTRAINT {quoted(part.name)}"
    part.is_valid = True


@operation("constraints", 3)
def add_foreign_key(pen: Pen) -> Written:
    parent = pen.table(lambda one: bool(one.of("primary")) and not one.is_partition and not one.split)
    table = pen.table(lambda one: not one.is_partition)
    if parent is None or table is None:
        return
    key = parent.columns[0]
    fitting = [
        one
        for one in table.columns
        if one.kind is key.kind and one.refers is None and not one.auto and not one.is_unique
    ]
    if not fitting:
        name = pen.name()
        yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN {quoted(name)} {key.kind.name}"
        column = Column(name, key.kind)
        add_to(table, column, pen)
    else:
        column = pen.pick(fitting)
        yield f"UPDATE {pen.ref(table)} SET {quoted(column.name)} = NULL"
    part = Part(pen.name(), "foreign", columns=(column,), is_valid=not pen.chance(40) or bool(table.split))
    actions = pen.pick(
        [
            "",
            " ON DELETE CASCADE",
            " ON UPDATE CASCADE ON DELETE SET NULL",
            " DEFERRABLE INITIALLY DEFERRED",
            " MATCH FULL",
        ]
    )
    yield (
        f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} FOREIGN KEY ({quoted(column.name)}) "
        f"REFERENCES {pen.ref(parent)} ({quoted(key.name)}){actions}{'' if part.is_valid else ' NOT VALID'}"
    )
    column.refers = (parent, key)
    table.parts.append(part)
    table.made = ""
    if not part.is_valid and pen.chance(50):
        yield f"ALTER TABLE {pen.ref(table)} VALIDATE CONSTRAINT {quoted(part.name)}"
        part.is_valid = True


@operation("constraints", 2)
def add_unique(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and not one.is_partition and one.columns[0].is_unique)
    if table is None:
        return
    key = table.columns[0]
    others = [one for one in table.columns[1:] if one.kind.family in ("number", "text", "time", "truth")]
    columns = [key, *pen.some(others, 2)] if others and pen.chance(70) else [key]
    part = Part(pen.name(), "unique", columns=tuple(columns))
    listed = ", ".join(quoted(one.name) for one in columns)
    ending = pen.pick(["", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED", " WITH (fillfactor = 60)"])
    nulls = pen.pick(["", "", " NULLS NOT DISTINCT"])
    part.made = f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} UNIQUE{nulls} ({listed}){ending}"
    yield part.made
    table.parts.append(part)
    table.made = ""


@operation("constraints", 1)
def unique_by_index(pen: Pen) -> Written:
    table = pen.table(
        lambda one: bool(one.columns) and not one.split and not one.is_partition and one.columns[0].is_unique
    )
    if table is None:
        return
    name = pen.name()
    concurrently = pen.chance(50)
    yield Sql(
        f"CREATE UNIQUE INDEX{' CONCURRENTLY' if concurrently else ''} {quoted(name)} "
        f"ON {pen.ref(table)} ({quoted(table.columns[0].name)})",
        alone=concurrently,
    )
    kind = "primary" if not table.of("primary") else "unique"
    words = "PRIMARY KEY" if kind == "primary" else "UNIQUE"
    part = Part(pen.name() if pen.chance(50) else name, kind, columns=(table.columns[0],))
    yield f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} {words} USING INDEX {quoted(name)}"
    table.parts.append(part)
    table.made = ""


@operation("constraints", 1)
def exclude(pen: Pen) -> Written:
    name = pen.name()
    table = pen.table(lambda one: not one.split and not one.is_partition and one.parent is None)
    if table is None:
        return
    column = Column(name, next(one for one in BUILT_IN if one.name == "int4range"), auto="never")
    yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN {quoted(name)} int4range"
    add_to(table, column, pen)
    part = Part(pen.name(), "exclude", columns=(column,))
    where = f" WHERE ({quoted(name)} IS NOT NULL)" if pen.chance(40) else ""
    yield (
        f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} "
        f"EXCLUDE USING gist ({quoted(name)} WITH &&){where}{pen.pick(['', ' DEFERRABLE'])}"
    )
    table.parts.append(part)


@operation("constraints", 2)
def drop_constraint(pen: Pen) -> Written:
    kinds = ("check", "unique", "primary", "foreign", "exclude")
    table = pen.table(lambda one: bool(one.of(*kinds)) and not one.is_partition)
    if table is None:
        return
    part = pen.pick(table.of(*kinds))
    cascade = " CASCADE" if pen.chance(25) else ""
    exists = "IF EXISTS " if pen.chance(20) else ""
    yield f"ALTER TABLE {pen.ref(table)} DROP CONSTRAINT {exists}{quoted(part.name)}{cascade}"
    table.parts.remove(part)
    table.made = ""
    pen.bury(part.made, lambda: table.parts.append(part))


@operation("constraints", 1)
def rename_constraint(pen: Pen) -> Written:
    kinds = ("check", "unique", "primary", "foreign", "exclude")
    table = pen.table(lambda one: bool(one.of(*kinds)) and not one.is_partition)
    if table is None:
        return
    part, name = pen.pick(table.of(*kinds)), pen.name()
    yield f"ALTER TABLE {pen.ref(table)} RENAME CONSTRAINT {quoted(part.name)} TO {quoted(name)}"
    part.name, part.made, table.made = name, "", ""


@operation("constraints", 1)
def alter_constraint(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("foreign")) and not one.is_partition)
    if table is None:
        return
    part = pen.pick(table.of("foreign"))
    how = pen.pick(["DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED", "NOT DEFERRABLE"])
    yield f"ALTER TABLE {pen.ref(table)} ALTER CONSTRAINT {quoted(part.name)} {how}"
