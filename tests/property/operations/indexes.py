"""Operations on indexes, and what runs outside of a transaction."""

from __future__ import annotations

from ..model import Part, Table, quoted
from ..pen import Pen, Sql, Written, operation

SORTED = ("number", "text", "time", "truth", "enum")


def _index(pen: Pen, table: Table, name: str, *, concurrently: bool) -> tuple[Part, str] | None:
    columns = [one for one in table.columns if one.kind.family in SORTED]
    if not columns:
        return None
    column = pen.pick(columns)
    others = [one for one in columns if one is not column]
    text = quoted(column.name)
    key, unique, method, ending = text, "", "", ""
    match pen.pick(["plain", "two", "order", "partial", "expression", "include", "unique", "hash", "brin", "options"]):
        case "two" if others:
            key = f"{text}, {quoted(pen.pick(others).name)}"
        case "order":
            key = f"{text} {pen.pick(['DESC', 'DESC NULLS LAST', 'ASC NULLS FIRST'])}"
        case "partial":
            ending = f" WHERE {text} IS NOT NULL"
        case "expression" if column.kind.family == "text":
            key = pen.pick([f"lower({text})", f"({text} || 'it''s')", f'{text} COLLATE "C"', f"length({text}) DESC"])
        case "expression" if column.kind.family == "number":
            key = f"({text} + 1)"
        case "include" if others:
            ending = f" INCLUDE ({quoted(pen.pick(others).name)})"
        case "unique" if column.is_unique:
            unique, ending = "UNIQUE ", pen.pick(["", " NULLS NOT DISTINCT"])
        case "hash":
            method = "USING hash "
        case "brin" if column.kind.family in ("number", "time"):
            method = "USING brin "
        case "options":
            ending = " WITH (fillfactor = 60)"
    exists = "IF NOT EXISTS " if name and pen.chance(15) else ""
    only = "ONLY " if table.split and pen.chance(15) else ""
    concurrent = "CONCURRENTLY " if concurrently else ""
    named = f"{quoted(name)} " if name else ""
    made = f"CREATE {unique}INDEX {concurrent}{exists}{named}ON {only}{pen.ref(table)} {method}({key}){ending}"
    return Part(name, "index", columns=(column,), schema=table.schema, made=made, more=unique), made


@operation("indexes", 5)
def create_index(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is None or (found := _index(pen, table, "" if pen.chance(10) else pen.name(), concurrently=False)) is None:
        return
    part, made = found
    yield made
    if part.name:
        table.parts.append(part)


@operation("concurrently", 4)
def create_index_concurrently(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and not one.split)
    if table is None or (found := _index(pen, table, pen.name(), concurrently=True)) is None:
        return
    part, made = found
    yield Sql(made, alone=True)
    table.parts.append(part)


@operation("concurrently", 2)
def work_outside(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("index")) and not one.split and not one.is_partition)
    if table is None:
        return
    part = pen.pick(table.of("index"))
    index = f"{quoted(part.schema)}.{quoted(part.name)}"
    match pen.pick(["drop", "drop", "reindex index", "reindex table", "vacuum"]):
        case "drop":
            yield Sql(f"DROP INDEX CONCURRENTLY {'IF EXISTS ' if pen.chance(30) else ''}{index}", alone=True)
            table.parts.remove(part)
            if part.made.count(" CONCURRENTLY ") == 0:
                pen.bury(part.made, lambda: table.parts.append(part))
        case "reindex index":
            yield Sql(f"REINDEX INDEX CONCURRENTLY {index}", alone=True)
        case "reindex table":
            yield Sql(f"REINDEX TABLE CONCURRENTLY {pen.ref(table)}", alone=True)
        case _:
            yield Sql(f"VACUUM {pen.pick(['', '(ANALYZE) ', '(FULL) '])}{pen.ref(table)}", alone=True)


@operation("indexes", 3)
def alter_index(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("index")))
    if table is None:
        return
    part = pen.pick(table.of("index"))
    index = f"{quoted(part.schema)}.{quoted(part.name)}"
    match pen.pick(["drop", "drop", "rename", "options", "reindex", "cluster"]):
        case "drop":
            yield f"DROP INDEX {'IF EXISTS ' if pen.chance(20) else ''}{index}"
            table.parts.remove(part)
            if part.made and "CONCURRENTLY" not in part.made:
                if pen.chance(40):
                    yield part.made
                    table.parts.append(part)
                else:
                    pen.bury(part.made, lambda: table.parts.append(part))
        case "rename":
            name = pen.name()
            yield f"ALTER INDEX {index} RENAME TO {quoted(name)}"
            part.name, part.made = name, ""
        case "options":
            yield f"ALTER INDEX {index} {pen.pick(['SET (fillfactor = 70)', 'RESET (fillfactor)'])}"
            part.made = ""
        case "reindex" if not table.split:
            yield f"REINDEX INDEX {index}"
        case "cluster" if not table.split:
            yield f"ALTER TABLE {pen.ref(table)} CLUSTER ON {quoted(part.name)}"
