"""Operations on partitions and on tables that inherit."""

from __future__ import annotations

from ..model import INTEGER, Column, Kind, Part, Table, quoted
from ..pen import Pen, Sql, Written, operation
from .definitions import new_column

_SLOTS = {
    "range": ["FROM (MINVALUE) TO (0)", "FROM (0) TO (100000)", "FROM (100000) TO (200000)", "DEFAULT"],
    "list": ["IN ('a', 'b')", "IN ('c')", "IN (NULL)", "DEFAULT"],
    "hash": ["WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 2, REMAINDER 1)"],
}


def _bound(slot: str) -> str:
    return "DEFAULT" if slot == "DEFAULT" else f"FOR VALUES {slot}"


@operation("partitions", 4)
def create_partitioned(pen: Pen) -> Written:
    schema, name, text = pen.place()
    split = pen.pick(["range", "list", "hash"])
    kind = Kind("", "text", values=["'a'", "'b'", "'c'"], family="text") if split == "list" else INTEGER
    key = Column("part_key", kind, is_unique=split != "list", not_null=split != "list")
    table = Table(schema, name, columns=[key], split=split, slots=list(_SLOTS[split]))
    lines = [f"part_key {kind.name}{' NOT NULL' if key.not_null else ''}"]
    for _ in range(pen.whole(0, 3)):
        column, column_text = new_column(pen)
        table.columns.append(column)
        lines.append(column_text)
    if key.not_null and pen.chance(50):
        lines.append("PRIMARY KEY (part_key)")
        table.parts.append(Part(f"{name}_pkey", "primary", columns=(key,)))
    yield f"CREATE TABLE {text} (\n    " + ",\n    ".join(lines) + f"\n) PARTITION BY {split.upper()} (part_key)"
    pen.model.tables.append(table)
    for slot in list(table.slots)[: pen.whole(0, 3)]:
        yield from _partition(pen, table, slot)


def _partition(pen: Pen, table: Table, slot: str) -> Written:
    schema, name, text = pen.place()
    part = Table(schema, name, columns=list(table.columns), parent=table, is_partition=True, bound=slot)
    options = " WITH (fillfactor = 90)" if pen.chance(10) else ""
    yield f"CREATE TABLE {text} PARTITION OF {pen.ref(table)} {_bound(slot)}{options}"
    pen.model.tables.append(part)
    table.slots.remove(slot)


@operation("partitions", 3)
def add_partition(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.slots))
    if table is not None:
        yield from _partition(pen, table, pen.pick(table.slots))


@operation("partitions", 2)
def attach_partition(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.slots))
    if table is None:
        return
    slot = pen.pick(table.slots)
    schema, name, text = pen.place()
    part = Table(schema, name, columns=list(table.columns))
    yield f"CREATE TABLE {text} (LIKE {pen.ref(table)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    pen.model.tables.append(part)
    yield f"ALTER TABLE {pen.ref(table)} ATTACH PARTITION {pen.ref(part)} {_bound(slot)}"
    part.parent, part.is_partition, part.bound = table, True, slot
    table.slots.remove(slot)


@operation("partitions", 2)
def detach_partition(pen: Pen) -> Written:
    part = pen.table(lambda one: one.is_partition and one.parent is not None)
    if part is None or part.parent is None:
        return
    above = part.parent
    concurrently = pen.chance(30) and "DEFAULT" in above.slots
    yield Sql(
        f"ALTER TABLE {pen.ref(above)} DETACH PARTITION {pen.ref(part)}{' CONCURRENTLY' if concurrently else ''}",
        alone=concurrently,
    )
    part.parent, part.is_partition = None, False
    part.columns = [Column(one.name, one.kind, auto=one.auto, is_unique=one.is_unique) for one in part.columns]
    above.slots.append(part.bound)
    if pen.chance(40):
        yield f"ALTER TABLE {pen.ref(above)} ATTACH PARTITION {pen.ref(part)} {_bound(part.bound)}"
        part.parent, part.is_partition = above, True
        part.columns = list(above.columns)
        above.slots.remove(part.bound)


@operation("partitions", 1)
def drop_partition(pen: Pen) -> Written:
    part = pen.table(lambda one: one.is_partition)
    if part is None or part.parent is None:
        return
    above = part.parent
    yield f"DROP TABLE {pen.ref(part)}"
    pen.model.forget_table(part)
    above.slots.append(part.bound)


@operation("inheritance", 2)
def create_child(pen: Pen) -> Written:
    parent = pen.table(lambda one: not one.split and not one.is_partition)
    if parent is None:
        return
    schema, name, text = pen.place()
    column, column_text = new_column(pen)
    child = Table(schema, name, parent=parent)
    child.columns = [
        Column(one.name, one.kind, auto="stored" if one.auto == "stored" else "") for one in parent.columns
    ]
    for mine, theirs in zip(child.columns, parent.columns, strict=True):
        mine.is_unique, mine.not_null = theirs.is_unique, theirs.not_null
    child.columns.append(column)
    yield f"CREATE TABLE {text} ({column_text}) INHERITS ({pen.ref(parent)})"
    pen.model.tables.append(child)


@operation("inheritance", 1)
def change_inheritance(pen: Pen) -> Written:
    child = pen.table(lambda one: one.parent is not None and not one.is_partition)
    if child is None or child.parent is None:
        return
    parent = child.parent
    yield f"ALTER TABLE {pen.ref(child)} NO INHERIT {pen.ref(parent)}"
    child.parent = None
    if pen.chance(50):
        yield f"ALTER TABLE {pen.ref(child)} INHERIT {pen.ref(parent)}"
        child.parent = parent


@operation("inheritance", 1)
def only_parent(pen: Pen) -> Written:
    parent = pen.table(lambda one: bool(one.columns) and not one.split)
    if parent is None:
        return
    column = pen.pick(parent.columns)
    if column.kind.values and not column.auto:
        yield f"ALTER TABLE ONLY {pen.ref(parent)} ALTER COLUMN {quoted(column.name)} SET DEFAULT {pen.constant(column.kind)}"
        column.has_default, parent.made = True, ""
