"""Operations on the columns of a table."""

from __future__ import annotations

from dataclasses import replace

from ..model import BIGINT, BUILT_IN, INTEGER, TEXT, Column, Kind, quoted
from ..pen import Pen, Written, operation
from .definitions import AUTO, add_to, check_of, new_column


@operation("columns", 5)
def add_column(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.is_partition)
    if table is None:
        return
    column, text = new_column(pen)
    if column.not_null or pen.chance(80):
        exists = "IF NOT EXISTS " if pen.chance(15) else ""
        yield f"ALTER TABLE {pen.ref(table)} ADD{pen.pick([' COLUMN', ' COLUMN', ''])} {exists}{text}"
        add_to(table, column, pen)


@operation("columns", 1)
def add_column_again(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is not None:
        column = pen.pick(table.columns)
        yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN IF NOT EXISTS {quoted(column.name)} text DEFAULT 'other'"


@operation("columns", 1)
def add_special_column(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.is_partition and not one.split and bool(one.columns))
    if table is None:
        return
    name = pen.name()
    choice = pen.pick(["identity", "serial", "stored", "unique", "reference"])
    column = Column(name, INTEGER)
    if choice == "identity":
        column.auto = pen.pick(["always", "by default"])
        text = f"integer{AUTO[column.auto]}"
    elif choice == "serial":
        column.auto, text = "serial", "serial"
    elif choice == "stored":
        numbers = [one for one in table.columns if one.kind is INTEGER and one.auto != "stored"]
        if not numbers:
            return
        source = pen.pick(numbers)
        source.in_use += 1
        column = Column(name, BIGINT, auto="stored")
        text = f"bigint GENERATED ALWAYS AS ({quoted(source.name)}::bigint + 1) STORED"
    elif choice == "unique":
        column.is_unique = True
        text = f"integer{pen.pick([' UNIQUE', ' UNIQUE NULLS NOT DISTINCT' if not table.rows else ' UNIQUE'])}"
    else:
        parent = pen.table(lambda one: bool(one.of("primary")) and not one.split and not one.is_partition)
        if parent is None:
            return
        column = Column(name, parent.columns[0].kind, refers=(parent, parent.columns[0]))
        text = f"{column.kind.name} REFERENCES {pen.ref(parent)}"
    yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN {quoted(name)} {text}"
    add_to(table, column, pen)
    table.made = ""


@operation("columns", 3)
def drop_column(pen: Pen) -> Written:
    table = pen.table(lambda one: len(one.columns) > 1 and not one.is_partition)
    if table is None:
        return
    column = pen.pick(table.columns[1:])
    cascade = " CASCADE" if pen.chance(25) else ""
    exists = "IF EXISTS " if pen.chance(20) else ""
    yield f"ALTER TABLE {pen.ref(table)} DROP COLUMN {exists}{quoted(column.name)}{cascade}"
    table.made = ""
    for one in [table, *(one for one in pen.model.tables if one.parent is table)]:
        one.columns = [found for found in one.columns if found.name != column.name]
        one.parts = [part for part in one.parts if column not in part.columns]


@operation("columns", 1)
def replace_column(pen: Pen) -> Written:
    """A column dropped and made again, with what it held."""
    table = pen.table(lambda one: len(one.columns) > 1 and one.parent is None)
    column = None if table is None else pen.pick(table.columns[1:])
    if table is None or column is None or column.auto or column.refers is not None:
        return
    yield f"ALTER TABLE {pen.ref(table)} DROP COLUMN {quoted(column.name)}"
    yield f"ALTER TABLE {pen.ref(table)} ADD COLUMN {quoted(column.name)} {column.kind.name}"
    again = replace(column, is_unique=False, not_null=False, has_default=False)
    table.made = ""
    for one in [table, *(one for one in pen.model.tables if one.parent is table)]:
        one.parts = [part for part in one.parts if column not in part.columns]
        one.columns = [*(found for found in one.columns if found.name != column.name), again]


@operation("columns", 3)
def rename_column(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and one.parent is None)
    if table is None:
        return
    column = pen.pick(table.columns)
    old, name = column.name, pen.name()
    yield f"ALTER TABLE {pen.ref(table)} RENAME {'COLUMN ' if pen.chance(80) else ''}{quoted(old)} TO {quoted(name)}"
    column.name, table.made = name, ""
    for one in pen.model.tables:
        if one.parent is table:
            for found in one.columns:
                if found.name == old:
                    found.name = name


@operation("columns", 3)
def alter_column(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is None:
        return
    column = pen.pick(table.columns)
    alter = f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)}"
    choice = pen.pick(["default", "no default", "not null", "null", "not null after", "statistics", "options"])
    match choice:
        case "default" if column.kind.values and not column.auto:
            yield f"{alter} SET DEFAULT {pen.constant(column.kind)}"
            column.has_default = True
        case "no default" if column.auto in ("", "serial"):
            yield f"{alter} DROP DEFAULT"
            column.has_default = False
            column.auto = ""
        case "not null" if not column.not_null:
            yield f"{alter} SET NOT NULL"
            column.not_null = True
        case "null" if column.auto in ("", "stored"):
            yield f"{alter} DROP NOT NULL"
            column.not_null = False
        case "not null after" if not column.not_null and not column.auto and column.kind.values:
            value = pen.constant(column.kind)
            yield f"UPDATE {pen.ref(table)} SET {quoted(column.name)} = {value} WHERE {quoted(column.name)} IS NULL"
            yield f"{alter} SET NOT NULL"
            column.not_null = True
        case "statistics":
            yield f"{alter} SET STATISTICS {pen.pick(['500', '0', '-1'])}"
        case "options":
            yield f"{alter} {pen.pick(['SET (n_distinct = 12)', 'RESET (n_distinct)'])}"
        case _:
            return
    table.made = ""


@operation("columns", 1)
def alter_storage(pen: Pen) -> Written:
    table = pen.table(lambda one: any(column.kind is TEXT for column in one.columns))
    if table is None:
        return
    column = pen.pick([one for one in table.columns if one.kind is TEXT])
    what = pen.pick(["STORAGE EXTERNAL", "STORAGE MAIN", "STORAGE EXTENDED", "COMPRESSION pglz", "COMPRESSION default"])
    yield f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)} SET {what}"


def _conversion(pen: Pen, column: Column) -> tuple[Kind, str] | None:
    kinds = {one.name: one for one in BUILT_IN}
    name = quoted(column.name)
    match column.kind.name:
        case "smallint" | "integer":
            target = pen.pick(["bigint", "numeric(10,2)", "text"])
            return kinds.get(target, TEXT), f" USING {name}::{target}" if target == "text" or pen.chance(20) else ""
        case "varchar(40)" | "char(5)" | "name":
            return TEXT, ""
        case "text":
            # What changes no type is a statement on rows: the way forward runs it again on what was written since.
            return TEXT, ""
        case "timestamp(3)":
            return kinds["timestamptz"], f" USING {name} AT TIME ZONE 'UTC'"
        case "date":
            return kinds["timestamp(3)"], ""
        case "boolean":
            return INTEGER, f" USING CASE WHEN {name} THEN 1 ELSE 0 END"
        case "jsonb" | "uuid" | "inet":
            return TEXT, f" USING {name}::text"
    if column.kind.labels:
        return TEXT, f" USING {name}::text"
    return None


@operation("columns", 3)
def change_type(pen: Pen) -> Written:
    def fits(column: Column) -> bool:
        return not column.has_default and not column.in_use and column.auto == "" and column.refers is None

    table = pen.table(lambda one: any(fits(column) for column in one.columns) and one.parent is None)
    column = None if table is None else pen.column(table, fits)
    if table is None or column is None or (found := _conversion(pen, column)) is None:
        return
    kind, using = found
    word = pen.pick(["TYPE", "SET DATA TYPE"])
    yield f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)} {word} {kind.name}{using}"
    column.kind, table.made = kind, ""
    for one in pen.model.tables:
        if one.parent is table:
            for found_column in one.columns:
                if found_column.name == column.name:
                    found_column.kind = kind


@operation("columns", 2)
def alter_several(pen: Pen) -> Written:
    table = pen.table(lambda one: len(one.columns) > 1 and not one.is_partition and not one.split)
    if table is None:
        return
    first, text = new_column(pen)
    second, more = new_column(pen)
    commands = [f"ADD COLUMN {text}", f"ADD COLUMN {more}"]
    gone = None
    if pen.chance(50):
        gone = pen.pick(table.columns[1:])
        commands.insert(pen.whole(0, 2), f"DROP COLUMN {quoted(gone.name)}")
    if pen.chance(30):
        commands.append(f"ADD CONSTRAINT {quoted(pen.name())} CHECK ({check_of(pen, first)})")
    yield f"ALTER TABLE {pen.ref(table)}\n    " + ",\n    ".join(commands)
    add_to(table, first, pen)
    add_to(table, second, pen)
    if gone is not None:
        for one in [table, *(one for one in pen.model.tables if one.parent is table)]:
            one.columns = [found for found in one.columns if found.name != gone.name]
    table.made = ""


@operation("columns", 2)
def alter_identity(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and not one.split and not one.is_partition)
    if table is None:
        return
    column = table.columns[0]
    alter = f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)}"
    if column.auto in ("always", "by default"):
        choice = pen.pick(
            ["DROP IDENTITY", "DROP IDENTITY IF EXISTS", "SET GENERATED", "RESTART WITH 100", "SET CACHE 5"]
        )
        if choice == "SET GENERATED":
            other = {"always": "by default", "by default": "always"}[column.auto]
            yield f"{alter} SET GENERATED {other.upper()}"
            column.auto = other
        else:
            yield f"{alter} {choice}"
            column.auto = "" if choice.startswith("DROP") else column.auto
    elif column.kind.family == "number" and column.not_null and not column.has_default and column.auto == "":
        choice = pen.pick(["always", "by default"])
        yield f"{alter} ADD GENERATED {choice.upper()} AS IDENTITY (START WITH {pen.count() + 100000})"
        column.auto = choice
    table.made = ""


@operation("columns", 1)
def drop_expression(pen: Pen) -> Written:
    table = pen.table(lambda one: any(column.auto == "stored" for column in one.columns) and one.parent is None)
    if table is None:
        return
    column = pen.pick([one for one in table.columns if one.auto == "stored"])
    yield f"ALTER TABLE {pen.ref(table)} ALTER COLUMN {quoted(column.name)} DROP EXPRESSION"
    column.auto, table.made = "", ""
