"""Operations on tables as a whole, and on how they are stored."""

from __future__ import annotations

from dataclasses import replace

from ..model import BIGINT, INTEGER, TEXT, Column, Part, Table, quoted
from ..pen import Pen, Written, operation
from .definitions import AUTO, new_column


def _key(pen: Pen) -> tuple[Column, str]:
    auto = pen.pick(["", "always", "by default", "serial", "bigserial"])
    name = pen.pick(["id", "id", "id", "key", "Id"])
    if auto.endswith("serial"):
        column = Column(name, INTEGER if auto == "serial" else BIGINT, auto="serial", is_unique=True, not_null=True)
        return column, f"{quoted(name)} {auto}"
    kind = pen.pick([INTEGER, BIGINT])
    column = Column(name, kind, auto=auto, is_unique=True, not_null=True)
    options = " (START WITH 10 INCREMENT BY 5)" if auto and pen.chance(15) else ""
    return column, f"{quoted(name)} {kind.name}{AUTO[auto]}{options}"


@operation("base", 8)
def create_table(pen: Pen) -> Written:
    schema, name, text = pen.place()
    table = Table(schema, name)
    key, key_text = _key(pen)
    table.columns.append(key)
    lines = [f"{key_text} PRIMARY KEY"]
    for _ in range(pen.whole(0, 4)):
        column, column_text = new_column(pen)
        table.columns.append(column)
        lines.append(column_text)
    parent = pen.table(lambda one: bool(one.of("primary")) and not one.split and not one.is_partition)
    if parent is not None and pen.chance(30):
        other = parent.columns[0]
        column = Column(f"of_{pen.count()}", other.kind, refers=(parent, other))
        action = pen.pick(["", " ON DELETE CASCADE", " ON DELETE SET NULL ON UPDATE CASCADE", " DEFERRABLE"])
        lines.append(
            f"{column.name} {other.kind.name} REFERENCES {pen.ref(parent)}"
            f"{'' if pen.chance(50) else f' ({quoted(other.name)})'}{action}"
        )
        table.columns.append(column)
    stored = [one for one in table.columns[1:] if one.kind in (INTEGER, TEXT)]
    if stored and pen.chance(15):
        source = pen.pick(stored)
        expression = f"{quoted(source.name)} * 2" if source.kind is INTEGER else f"upper({quoted(source.name)})"
        if source.kind is INTEGER:
            expression = f"{quoted(source.name)}::bigint * 2"
        column = Column(pen.name(), BIGINT if source.kind is INTEGER else TEXT, auto="stored")
        source.in_use += 1
        lines.append(f"{quoted(column.name)} {column.kind.name} GENERATED ALWAYS AS ({expression}) STORED")
        table.columns.append(column)
    kind = "UNLOGGED TABLE" if pen.chance(5) else "TABLE"
    exists = " IF NOT EXISTS" if pen.chance(10) else ""
    options = " WITH (fillfactor = 70)" if pen.chance(6) else ""
    separator = ",\n    "
    table.made = f"CREATE {kind}{exists} {text} (\n    {separator.join(lines)}\n){options}"
    table.parts.append(Part(f"{name}_pkey", "primary", columns=(key,)))
    yield table.made
    pen.model.tables.append(table)


@operation("tables", 1)
def create_table_if_there(pen: Pen) -> Written:
    table = pen.table()
    if table is not None:
        yield f"CREATE TABLE IF NOT EXISTS {pen.ref(table)} (nothing_of_this integer)"


@operation("tables", 1)
def create_table_as(pen: Pen) -> Written:
    source = pen.table()
    if source is None:
        return
    schema, name, text = pen.place()
    columns = pen.some(source.columns)
    listed = ", ".join(quoted(one.name) for one in columns)
    table = Table(schema, name, columns=[Column(one.name, one.kind) for one in columns], rows=source.rows)
    how = pen.pick(["AS", "AS", "INTO", "EMPTY"])
    if how == "INTO":
        yield f"SELECT {listed} INTO {text} FROM {pen.ref(source)}"
    else:
        yield f"CREATE TABLE {text} AS SELECT {listed} FROM {pen.ref(source)}{' WITH NO DATA' if how == 'EMPTY' else ''}"
    pen.model.tables.append(table)


@operation("tables", 1)
def create_table_like(pen: Pen) -> Written:
    source = pen.table(lambda one: not one.split)
    if source is None:
        return
    schema, name, text = pen.place()
    table = Table(schema, name)
    including = pen.pick(["", " INCLUDING ALL", " INCLUDING DEFAULTS INCLUDING CONSTRAINTS", " INCLUDING GENERATED"])
    for one in source.columns:
        auto = "" if one.auto == "stored" and "ALL" not in including and "GENERATED" not in including else one.auto
        auto = "" if auto in ("always", "by default") and "ALL" not in including else auto
        table.columns.append(Column(one.name, one.kind, auto=auto, is_unique=one.is_unique, not_null=one.not_null))
    yield f"CREATE TABLE {text} (LIKE {pen.ref(source)}{including})"
    pen.model.tables.append(table)


@operation("tables")
def rename_table(pen: Pen) -> Written:
    table = pen.table()
    if table is None:
        return
    name = pen.name()
    exists = "IF EXISTS " if pen.chance(15) else ""
    yield f"ALTER TABLE {exists}{pen.ref(table)} RENAME TO {quoted(name)}"
    table.name, table.made = name, ""


@operation("tables", 1)
def swap_tables(pen: Pen) -> Written:
    one, other = pen.table(), pen.table()
    if one is None or other is None or one is other or one.schema != other.schema:
        return
    first, second, between = one.name, other.name, f"between_{pen.count()}"
    for table, name in ((one, between), (other, first), (one, second)):
        yield f"ALTER TABLE {pen.sure(table)} RENAME TO {quoted(name)}"
        table.name, table.made = name, ""


@operation("tables", 1)
def replace_table(pen: Pen) -> Written:
    """A table put in the place of one that gets another name."""
    table = pen.table(lambda one: bool(one.made) and not one.split and one.parent is None)
    if table is None:
        return
    old = f"replaced_{pen.count()}"
    yield f"ALTER TABLE {pen.sure(table)} RENAME TO {old}"
    yield table.made
    pen.model.tables.append(Table(table.schema, table.name, columns=[replace(one) for one in table.columns]))
    table.name, table.made = old, ""


@operation("tables", 1)
def move_table(pen: Pen) -> Written:
    table = pen.table()
    others = [] if table is None else [one for one in pen.model.schemas if one != table.schema]
    if table is None or not others:
        return
    schema = pen.pick(others)
    yield f"ALTER TABLE {pen.ref(table)} SET SCHEMA {quoted(schema)}"
    table.schema, table.made = schema, ""


@operation("tables")
def drop_table(pen: Pen) -> Written:
    table = pen.table()
    if table is None:
        return
    cascade = " CASCADE" if pen.chance(30) else ""
    yield f"DROP TABLE {'IF EXISTS ' if pen.chance(25) else ''}{pen.ref(table)}{cascade}"
    pen.model.forget_table(table)

    def back() -> None:
        table.rows = False
        pen.model.tables.append(table)

    if not table.is_partition and len(table.parts) == 1:
        pen.bury(table.made, back)


@operation("tables", 1)
def drop_what_is_not_there(pen: Pen) -> Written:
    kind = pen.pick(["TABLE", "VIEW", "FUNCTION", "INDEX", "SEQUENCE", "TYPE", "DOMAIN", "MATERIALIZED VIEW", "SCHEMA"])
    yield f"DROP {kind} IF EXISTS never_there_{pen.count()}"


@operation("tables", 1)
def storage_of_table(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.split)
    if table is None:
        return
    what = pen.pick(
        [
            "SET (fillfactor = 80)",
            "SET (autovacuum_enabled = false, autovacuum_vacuum_scale_factor = 0.05)",
            "RESET (fillfactor)",
            "SET (toast.autovacuum_enabled = false)",
            "SET UNLOGGED",
            "SET LOGGED",
            "REPLICA IDENTITY FULL",
            "REPLICA IDENTITY DEFAULT",
            "SET WITHOUT CLUSTER",
            "CLUSTER ON",
        ]
    )
    if what == "CLUSTER ON":
        parts = table.of("primary")
        if not parts:
            return
        what += f" {quoted(parts[0].name)}"
    yield f"ALTER TABLE {pen.ref(table)} {what}"
    table.made = ""
