"""Operations on rows: inserts, updates, helper tables, blocks of code, statements with dynamic DDL."""

from __future__ import annotations

from ..model import INTEGER, TEXT, Column, Table, View, quoted
from ..pen import Pen, Written, operation


def _filled(pen: Pen, table: Table) -> list[Column]:
    """Returns the columns that an INSERT names."""
    found = []
    for column in table.columns:
        if column.auto in ("always", "stored", "never"):
            continue
        if column.auto and not pen.chance(25):
            continue
        if column.not_null or column.is_unique or not pen.chance(20):
            found.append(column)
    return found


def _row(pen: Pen, table: Table, columns: list[Column]) -> str:
    """Returns the values of one row; the first column of a partitioned table decides where it goes."""
    values = []
    for column in columns:
        key = pen.key(table) if column is table.columns[0] else None
        values.append(pen.value(column) if key is None else key)
    return ", ".join(values)


def _rows(pen: Pen, table: Table, columns: list[Column], most: int = 3) -> str:
    return ", ".join(f"({_row(pen, table, columns)})" for _ in range(pen.whole(1, most)))


@operation("base", 9)
def insert(pen: Pen) -> Written:
    table = pen.table()
    if table is None:
        return
    columns = _filled(pen, table)
    if not columns:
        yield f"INSERT INTO {pen.ref(table)} DEFAULT VALUES"
    else:
        listed = ", ".join(quoted(one.name) for one in columns)
        ending = pen.pick(["", "", "", " ON CONFLICT DO NOTHING", " RETURNING *"])
        yield f"INSERT INTO {pen.ref(table)} ({listed}) VALUES {_rows(pen, table, columns)}{ending}"
    table.rows = True


@operation("data", 2)
def insert_many(pen: Pen) -> Written:
    table = pen.table(lambda one: any(column.auto == "" for column in one.columns) and pen.key(one) is None)
    if table is None:
        return
    columns = [one for one in table.columns if one.auto == ""]
    chosen = [one for one in columns if one.is_unique or one.not_null] or columns[:1]
    start = pen.number + 1
    pen.number += 20
    values = []
    for column in chosen:
        if column.is_unique and column.kind.family == "number":
            values.append("n")
        elif column.is_unique and column.kind.family == "text":
            values.append("'m' || n")
        else:
            values.append(pen.value(column))
    listed = ", ".join(quoted(one.name) for one in chosen)
    yield (
        f"INSERT INTO {pen.ref(table)} ({listed}) SELECT {', '.join(values)} "
        f"FROM generate_series({start}, {start + pen.whole(0, 15)}) AS n"
    )
    table.rows = True


@operation("data", 2)
def upsert(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("primary")) and bool(one.writable))
    if table is None:
        return
    key, column = table.columns[0], pen.pick(table.writable)
    needed = [one for one in table.columns[1:] if one.not_null and not one.auto and one is not column]
    columns = [key, *needed, column]
    override = " OVERRIDING SYSTEM VALUE" if key.auto == "always" else ""
    values = [str(pen.count()), *(pen.value(one) for one in needed), pen.constant(column.kind)]
    yield (
        f"INSERT INTO {pen.ref(table)} AS t ({', '.join(quoted(one.name) for one in columns)}){override} "
        f"VALUES ({', '.join(values)}) ON CONFLICT ({quoted(key.name)}) "
        f"DO UPDATE SET {quoted(column.name)} = excluded.{quoted(column.name)}"
    )
    table.rows = True


@operation("data", 5)
def update(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.writable))
    if table is None:
        return
    column = pen.pick(table.writable)
    name = quoted(column.name)
    where = pen.pick(["", f" WHERE {name} IS NULL", f" WHERE {name} IS NOT NULL"])
    if column.kind is TEXT and pen.chance(50):
        value = f"{name} || {pen.text()}"
    elif column.kind is INTEGER and pen.chance(50):
        value = f"least({name}, 1000) + 1"
    else:
        value = pen.value(column)
    yield f"UPDATE {pen.ref(table)} SET {name} = {value}{where}"


@operation("data", 2)
def delete(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is None:
        return
    column = pen.pick(table.columns)
    name = quoted(column.name)
    match pen.pick(["null", "some", "all", "truncate"]):
        case "null":
            yield f"DELETE FROM {pen.ref(table)} WHERE {name} IS NULL"
        case "some" if column.kind.family == "number":
            yield f"DELETE FROM {pen.ref(table)} WHERE {name} < {pen.count()} RETURNING {name}"
        case "all":
            yield f"DELETE FROM {pen.ref(table)}"
        case _:
            ending = pen.pick(["", " CASCADE", " RESTART IDENTITY"])
            yield f"TRUNCATE {pen.ref(table)}{ending}"


def _copyable(source: Table) -> list[Column]:
    return [one for one in source.columns if one.auto != "stored"]


@operation("data", 2)
def move_rows(pen: Pen) -> Written:
    source = pen.table(lambda one: one.rows and bool(one.columns))
    if source is None:
        return
    schema, name, text = pen.place()
    target = Table(schema, name, columns=[Column(one.name, one.kind) for one in _copyable(source)], rows=True)
    columns = ", ".join(f"{quoted(one.name)} {pen.type_of(one.kind)}" for one in target.columns)
    yield f"CREATE TABLE {text} ({columns})"
    pen.model.tables.append(target)
    listed = ", ".join(quoted(one.name) for one in target.columns)
    if pen.chance(50):
        yield (
            f"WITH moved AS (DELETE FROM {pen.ref(source)} RETURNING {listed}) "
            f"INSERT INTO {pen.ref(target)} SELECT {listed} FROM moved"
        )
    else:
        yield f"INSERT INTO {pen.ref(target)} ({listed}) SELECT {listed} FROM {pen.ref(source)}"


@operation("helpers", 5)
def helper_table(pen: Pen) -> Written:
    table = pen.table(lambda one: any(column.auto == "" for column in one.columns))
    if table is None:
        return
    columns = [one for one in table.columns if one.auto == "" and (one.is_unique or one.not_null)]
    columns = columns or [one for one in table.columns if one.auto == ""][:1]
    name = f"helper_{pen.count()}"
    is_temporary = pen.chance(35)
    typed = ", ".join(f"{quoted(one.name)} {pen.type_of(one.kind)}" for one in columns)
    ending = pen.pick([" ON COMMIT DROP", ""]) if is_temporary else ""
    if is_temporary:
        # Another session may follow: it must not outlive its transaction.
        ending = " ON COMMIT DROP"
    else:
        name = f"{pen.path[0]}_{name}" if pen.path[0].isidentifier() else name
    yield f"CREATE {'TEMPORARY ' if is_temporary else ''}TABLE {quoted(name)} ({typed}){ending}"
    yield f"INSERT INTO {quoted(name)} VALUES {_rows(pen, table, columns)}"
    listed = ", ".join(quoted(one.name) for one in columns)
    yield f"INSERT INTO {pen.ref(table)} ({listed}) SELECT {listed} FROM {quoted(name)}"
    table.rows = True
    if not ending:
        yield f"DROP TABLE {quoted(name)}"


@operation("helpers", 2)
def helper_function(pen: Pen) -> Written:
    table = pen.table(lambda one: any(column.kind is TEXT for column in one.writable))
    if table is None:
        return
    column = quoted(pen.pick([one for one in table.writable if one.kind is TEXT]).name)
    name = f"helper_{pen.count()}"
    yield f"CREATE FUNCTION {name}(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 || '!' $$"
    yield f"UPDATE {pen.ref(table)} SET {column} = {name}({column})"
    yield f"DROP FUNCTION {name}(text)"


@operation("helpers", 2)
def helper_column(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.writable) and not one.is_partition)
    if table is None:
        return
    column = pen.pick(table.writable)
    name = f"helper_{pen.count()}"
    ref = pen.ref(table)
    yield f"ALTER TABLE {ref} ADD COLUMN {name} {pen.type_of(column.kind)}"
    yield f"UPDATE {ref} SET {name} = {quoted(column.name)}, {quoted(column.name)} = {pen.value(column)}"
    if pen.chance(50):
        yield f"UPDATE {ref} SET {quoted(column.name)} = {name} WHERE {name} IS NOT NULL"
    yield f"ALTER TABLE {ref} DROP COLUMN {name}"


@operation("helpers", 2)
def helper_index_or_view(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.writable))
    if table is None:
        return
    column = pen.pick(table.writable)
    name = f"helper_{pen.count()}"
    if pen.chance(50) and table.schema == pen.path[0] and column.kind.family in ("number", "text", "time"):
        yield f"CREATE INDEX {name} ON {pen.ref(table)} ({quoted(column.name)})"
        yield f"UPDATE {pen.ref(table)} SET {quoted(column.name)} = {pen.value(column)}"
        yield f"DROP INDEX {name}"
    else:
        yield f"CREATE VIEW {name} AS SELECT * FROM {pen.ref(table)}"
        yield f"UPDATE {pen.ref(table)} SET {quoted(column.name)} = {pen.value(column)}"
        yield f"DROP VIEW {name}"


@operation("helpers", 2)
def replace_column(pen: Pen) -> Written:
    """Makes a column anew: add, copy, drop, rename."""
    table = pen.table(
        lambda one: (
            one.parent is None and any(not column.in_use and column.kind.family == "text" for column in one.writable)
        )
    )
    if table is None:
        return
    column = pen.pick([one for one in table.writable if not one.in_use and one.kind.family == "text"])
    ref, name = pen.ref(table), quoted(column.name)
    between = f"new_{pen.count()}"
    yield f"ALTER TABLE {ref} ADD COLUMN {between} text"
    yield f"UPDATE {ref} SET {between} = {name}::text || {pen.text()}"
    yield f"ALTER TABLE {ref} DROP COLUMN {name}"
    old = column.name
    column.name = between
    for one in pen.model.tables:
        if one.parent is table:
            for found in one.columns:
                found.name = between if found.name == old else found.name
    column.kind, column.not_null, table.made = TEXT, False, ""
    yield f"ALTER TABLE {ref} RENAME COLUMN {between} TO {name}"
    column.name = old
    for one in pen.model.tables:
        if one.parent is table:
            for found in one.columns:
                found.name = old if found.name == between else found.name


@operation("blocks", 4)
def block_with_data(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.writable))
    if table is None:
        return
    column = pen.pick(table.writable)
    ref, name = pen.ref(table), quoted(column.name)
    value = pen.constant(column.kind).replace("$", "dollar")
    body = pen.pick(
        [
            f"UPDATE {ref} SET {name} = {value};",
            f"IF EXISTS (SELECT FROM {ref}) THEN UPDATE {ref} SET {name} = {value} WHERE {name} IS NULL; END IF;",
            f"FOR i IN 1..3 LOOP UPDATE {ref} SET {name} = {value}; END LOOP;",
        ]
    )
    # Not "i" as a name of a column's: plpgsql would not know which is meant.
    yield f"DO $do$\nBEGIN\n    {body}\nEND\n$do$"


@operation("blocks", 2)
def block_with_rows(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(_filled_surely(one)))
    if table is None:
        return
    columns = _filled_surely(table)
    listed = ", ".join(quoted(one.name) for one in columns)
    values = _row(pen, table, columns).replace("$", "dollar")
    yield f"DO $do$ BEGIN INSERT INTO {pen.ref(table)} ({listed}) VALUES ({values}); END $do$"
    table.rows = True


def _filled_surely(table: Table) -> list[Column]:
    columns = [one for one in table.columns if one.auto == ""]
    return [one for one in columns if one.is_unique or one.not_null] or columns[:1]


@operation("blocks", 3)
def block_with_ddl(pen: Pen) -> Written:
    number = pen.count()
    match pen.pick(["table", "columns", "exists", "index", "exception", "type"]):
        case "table":
            name = f"by_block_{number}"
            yield f"DO $do$ BEGIN EXECUTE format('CREATE TABLE %I (id integer, note text)', '{name}'); END $do$"
            columns = [Column("id", INTEGER, is_unique=True), Column("note", TEXT)]
            pen.model.tables.append(Table(pen.path[0], name, columns=columns))
        case "columns":
            tables = [one for one in pen.model.tables if not one.is_partition and one.parent is None]
            if not tables:
                return
            chosen = pen.some(tables, 2)
            array = ", ".join("'" + pen.sure(one).replace("'", "''").replace("$", "dollar") + "'" for one in chosen)
            name = f"by_loop_{number}"
            yield (
                f"DO $do$\nDECLARE\n    name_of text;\nBEGIN\n    FOREACH name_of IN ARRAY ARRAY[{array}] LOOP\n"
                f"        EXECUTE 'ALTER TABLE ' || name_of || ' ADD COLUMN {name} integer DEFAULT 7';\n"
                f"    END LOOP;\nEND\n$do$"
            )
            for found in chosen:
                column = Column(name, INTEGER, has_default=True)
                for one in [found, *(one for one in pen.model.tables if one.parent is found)]:
                    one.columns.append(column)
                found.made = ""
        case "exists":
            name = f"by_condition_{number}"
            yield (
                f"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = '{name}') "
                f"THEN CREATE TABLE {name} (id integer); INSERT INTO {name} VALUES (1); END IF; END $do$"
            )
            pen.model.tables.append(
                Table(pen.path[0], name, columns=[Column("id", INTEGER, is_unique=True)], rows=True)
            )
        case "index":
            table = pen.table(lambda one: bool(one.columns) and one.columns[0].kind.family == "number")
            if table is None or "$" in pen.sure(table) or "$" in table.columns[0].name:
                return
            yield f"DO $do$ BEGIN CREATE INDEX by_block_{number} ON {pen.sure(table)} ({quoted(table.columns[0].name)}); END $do$"
        case "exception":
            yield (
                f"DO $do$ BEGIN CREATE TYPE twice_{number} AS ENUM ('a'); CREATE TYPE twice_{number} AS ENUM ('a'); "
                f"EXCEPTION WHEN duplicate_object THEN NULL; END $do$"
            )
        case _:
            yield (
                f"DO $do$ BEGIN CREATE TYPE by_block_{number} AS ENUM ('a', 'b'); "
                f"EXCEPTION WHEN duplicate_object THEN NULL; END $do$"
            )


@operation("blocks", 1)
def through_view(pen: Pen) -> Written:
    views: list[View] = [
        one
        for one in pen.model.views
        if not one.is_materialized and one.columns and one.table is not None and len(one.names) == len(one.columns)
    ]
    if not views:
        return
    view = pen.pick(views)
    column = view.columns[-1]
    if view.table is not None and column in view.table.writable:
        yield f"UPDATE {pen.ref(view)} SET {quoted(view.names[-1])} = {pen.value(column)}"


@operation("data", 1)
def merge(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("primary")) and bool(one.writable))
    if table is None:
        return
    key, column = table.columns[0], pen.pick(table.writable)
    yield (
        f"MERGE INTO {pen.ref(table)} AS t USING (VALUES ({pen.count()})) AS s (k) ON t.{quoted(key.name)} = s.k "
        f"WHEN MATCHED THEN UPDATE SET {quoted(column.name)} = {pen.value(column)} WHEN NOT MATCHED THEN DO NOTHING"
    )


@operation("data", 1)
def says_nothing(pen: Pen) -> Written:
    table = pen.table()
    choices = ["SELECT 1", "SELECT 'a' AS b, 2 AS \"c d\"", "SET CONSTRAINTS ALL IMMEDIATE", "NOTIFY a_channel"]
    if table is not None:
        ref = pen.ref(table)
        choices += [f"SELECT count(*) FROM {ref}", f"LOCK TABLE {ref}", f"ANALYZE {ref}", f"TABLE {ref}"]
    yield pen.pick(choices)
