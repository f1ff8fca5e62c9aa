"""Operations on schemas, types, sequences, indexes, privileges, comments, statistics objects, and what comes again."""

from __future__ import annotations

from .model import INTEGER, TEXT, Column, Kind, Part, Sequence, Table, Thing, View, literal, quoted
from .pen import Pen, Sql, Written, operation

# Schemas.


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


# Types.


@operation("types", 4)
def create_enum(pen: Pen) -> Written:
    schema, name, text = pen.place()
    labels = ["x", "y", *pen.some(["z", "it's", "two words", "Grüße", ""], 2)]
    kind = Kind(schema, name, labels=labels, values=[literal(one) for one in labels], family="enum")
    kind.made = f"CREATE TYPE {text} AS ENUM ({', '.join(kind.values)})"
    yield kind.made
    pen.model.kinds.append(kind)


def _enums(pen: Pen) -> list[Kind]:
    return [one for one in pen.model.kinds if one.family == "enum"]


@operation("types", 3)
def add_value(pen: Pen) -> Written:
    if not _enums(pen):
        return
    kind = pen.pick(_enums(pen))
    label = f"more {pen.count()}"
    where = pen.pick(["", f" BEFORE {literal(kind.labels[0])}", f" AFTER {literal(kind.labels[0])}"])
    exists = "IF NOT EXISTS " if pen.chance(30) else ""
    yield f"ALTER TYPE {pen.ref(kind)} ADD VALUE {exists}{literal(label)}{where}"

    def use() -> None:
        kind.labels.append(label)
        kind.values.append(literal(label))

    # It may be used once this transaction is over.
    pen.later.append(use)
    kind.made = ""


@operation("types", 1)
def rename_value(pen: Pen) -> Written:
    if not _enums(pen):
        return
    kind = pen.pick(_enums(pen))
    old, label = pen.pick(kind.labels), f"other {pen.count()}"
    yield f"ALTER TYPE {pen.ref(kind)} RENAME VALUE {literal(old)} TO {literal(label)}"
    kind.labels[kind.labels.index(old)] = label
    kind.values[:] = [literal(one) for one in kind.labels]
    kind.made = ""


@operation("types", 4)
def replace_enum(pen: Pen) -> Written:
    """Makes an enum with fewer labels, as Prisma writes it."""
    if not _enums(pen):
        return
    kind = pen.pick(_enums(pen))
    users = [
        (table, column)
        for table in pen.model.tables
        for column in table.columns
        if column.kind is kind and not table.is_partition
    ]
    if len(kind.labels) < 2 or any(column.in_use or column.auto for _, column in users):
        return
    kept, gone = kind.labels[:-1], kind.labels[-1]
    new, old = f"{kind.name}_new", f"{kind.name}_old"
    where = quoted(kind.schema)
    yield f"CREATE TYPE {where}.{quoted(new)} AS ENUM ({', '.join(map(literal, kept))})"
    for table, column in users:
        alter, name = f"ALTER TABLE {pen.ref(table)} ALTER COLUMN", quoted(column.name)
        yield f"UPDATE {pen.ref(table)} SET {name} = {literal(kept[0])} WHERE {name}::text = {literal(gone)}"
        if column.has_default:
            yield f"{alter} {name} DROP DEFAULT"
            column.has_default = False
        yield f"{alter} {name} TYPE {where}.{quoted(new)} USING ({name}::text::{where}.{quoted(new)})"
    yield f"ALTER TYPE {where}.{quoted(kind.name)} RENAME TO {quoted(old)}"
    yield f"ALTER TYPE {where}.{quoted(new)} RENAME TO {quoted(kind.name)}"
    kind.labels[:] = kept
    kind.values[:] = [literal(one) for one in kept]
    kind.made = ""
    yield f"DROP TYPE {where}.{quoted(old)}"


@operation("types", 3)
def create_domain(pen: Pen) -> Written:
    schema, name, text = pen.place()
    base = pen.pick([INTEGER, TEXT])
    condition = (
        pen.pick(["value > 0", "value <> 13"]) if base is INTEGER else pen.pick(["value <> 'no'", "length(value) < 99"])
    )
    values = ["1", "42"] if base is INTEGER else ["'ok'", "'it''s'"]
    kind = Kind(schema, name, values=values, family="number" if base is INTEGER else "text")
    check = f" CONSTRAINT {quoted(f'check_{pen.count()}')}" if pen.chance(50) else ""
    default = f" DEFAULT {values[0]}" if pen.chance(30) else ""
    kind.made = f"CREATE DOMAIN {text} AS {base.name}{default}{check} CHECK ({condition})"
    kind.attributes = ["domain"]
    yield kind.made
    pen.model.kinds.append(kind)


@operation("types", 2)
def alter_domain(pen: Pen) -> Written:
    found = [one for one in pen.model.kinds if one.attributes == ["domain"]]
    if not found:
        return
    kind = pen.pick(found)
    alter = f"ALTER DOMAIN {pen.ref(kind)}"
    match pen.pick(["default", "no default", "check", "not valid", "drop check", "rename check"]):
        case "default":
            yield f"{alter} SET DEFAULT {kind.values[0]}"
        case "no default":
            yield f"{alter} DROP DEFAULT"
        case "check":
            name = pen.name()
            yield f"{alter} ADD CONSTRAINT {quoted(name)} CHECK (value IS NULL OR true)"
            kind.checks.append(name)
        case "not valid":
            name = pen.name()
            yield f"{alter} ADD CONSTRAINT {quoted(name)} CHECK (value IS NOT NULL OR true) NOT VALID"
            kind.checks.append(name)
            if pen.chance(60):
                yield f"{alter} VALIDATE CONSTRAINT {quoted(name)}"
        case "drop check" if kind.checks:
            name = pen.pick(kind.checks)
            yield f"{alter} DROP CONSTRAINT {quoted(name)}"
            kind.checks.remove(name)
        case "rename check" if kind.checks:
            name = pen.name()
            yield f"{alter} RENAME CONSTRAINT {quoted(kind.checks[0])} TO {quoted(name)}"
            kind.checks[0] = name
        case _:
            return
    kind.made = ""


@operation("types", 2)
def create_composite(pen: Pen) -> Written:
    schema, name, text = pen.place()
    kind = Kind(schema, name, values=["ROW(1, 'it''s')", "'(2,x)'"], family="composite")
    kind.made = f'CREATE TYPE {text} AS (a integer, "b c" text)'
    yield kind.made
    pen.model.kinds.append(kind)


@operation("types", 1)
def alter_composite(pen: Pen) -> Written:
    found = [one for one in pen.model.kinds if one.family == "composite" and len(one.values) == 2]
    if not found:
        return
    kind = pen.pick(found)
    if pen.chance(50):
        yield f"ALTER TYPE {pen.ref(kind)} ADD ATTRIBUTE more_{pen.count()} text"
        kind.values[:] = ["ROW(1, 'x', 'y')"]
    else:
        yield f"ALTER TYPE {pen.ref(kind)} RENAME ATTRIBUTE a TO {quoted(pen.name())}"
        kind.values[:] = ["ROW(3, 'z')"]
    kind.made = ""


@operation("types", 1)
def create_range(pen: Pen) -> Written:
    schema, name, text = pen.place()
    kind = Kind(schema, name, values=["'[1.5,2.5)'"], family="range")
    kind.made = f"CREATE TYPE {text} AS RANGE (subtype = double precision, subtype_diff = float8mi)"
    yield kind.made
    pen.model.kinds.append(kind)


@operation("types", 2)
def alter_type(pen: Pen) -> Written:
    if not pen.model.kinds:
        return
    kind = pen.pick(pen.model.kinds)
    word = "DOMAIN" if kind.attributes == ["domain"] else "TYPE"
    if pen.chance(30) and len(pen.model.schemas) > 1:
        schema = pen.pick([one for one in pen.model.schemas if one != kind.schema])
        yield f"ALTER {word} {pen.ref(kind)} SET SCHEMA {quoted(schema)}"
        kind.schema = schema
    else:
        name = pen.name()
        yield f"ALTER {word} {pen.ref(kind)} RENAME TO {quoted(name)}"
        kind.name = name
    kind.made = ""


@operation("types", 2)
def drop_type(pen: Pen) -> Written:
    used = {id(column.kind) for table in pen.model.tables for column in table.columns}
    found = [one for one in pen.model.kinds if id(one) not in used]
    if not found:
        return
    kind = pen.pick(found)
    word = "DOMAIN" if kind.attributes == ["domain"] else "TYPE"
    yield f"DROP {word} {'IF EXISTS ' if pen.chance(20) else ''}{pen.ref(kind)}"
    pen.model.kinds.remove(kind)
    pen.bury(kind.made, lambda: pen.model.kinds.append(kind))


@operation("types", 1)
def create_collation(pen: Pen) -> Written:
    _, _, text = pen.place()
    yield f"CREATE COLLATION {text} (provider = libc, locale = 'C')"


# Sequences.


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


# Indexes.

_SORTED = ("number", "text", "time", "truth", "enum")


def _index(pen: Pen, table: Table, name: str, *, concurrently: bool) -> tuple[Part, str] | None:
    columns = [one for one in table.columns if one.kind.family in _SORTED]
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


# Privileges.

_OF_TABLE = ("SELECT", "INSERT, UPDATE", "ALL", "SELECT, DELETE", "TRUNCATE")


@operation("privileges", 4)
def grant(pen: Pen) -> Written:
    table = pen.table()
    role = pen.role()
    choice = pen.pick(["table", "column", "schema", "all", "sequence", "function", "type", "view"])
    match choice:
        case "table" if table is not None:
            option = " WITH GRANT OPTION" if role != "PUBLIC" and pen.chance(20) else ""
            yield f"GRANT {pen.pick(_OF_TABLE)} ON {pen.ref(table)} TO {role}{option}"
        case "column" if table is not None and table.columns:
            yield f"GRANT SELECT ({quoted(pen.pick(table.columns).name)}) ON {pen.ref(table)} TO {role}"
        case "schema":
            yield f"GRANT {pen.pick(['USAGE', 'ALL', 'CREATE'])} ON SCHEMA {quoted(pen.pick(pen.model.schemas))} TO {role}"
        case "all":
            yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(pen.pick(pen.model.schemas))} TO {role}"
        case "sequence" if pen.model.sequences:
            yield f"GRANT USAGE, SELECT ON SEQUENCE {pen.ref(pen.pick(pen.model.sequences))} TO {role}"
        case "function" if pen.model.routines:
            routine = pen.pick(pen.model.routines)
            word = "PROCEDURE" if routine.kind == "procedure" else "FUNCTION"
            verb = pen.pick([f"GRANT EXECUTE ON {word} {{}} TO {role}", f"REVOKE ALL ON {word} {{}} FROM PUBLIC"])
            yield verb.replace("{}", f"{pen.ref(routine)}({routine.arguments})")
        case "type" if pen.model.kinds:
            kind = pen.pick(pen.model.kinds)
            word = "DOMAIN" if kind.attributes == ["domain"] else "TYPE"
            yield pen.pick(
                [
                    f"GRANT USAGE ON {word} {pen.ref(kind)} TO {role}",
                    f"REVOKE ALL ON {word} {pen.ref(kind)} FROM PUBLIC",
                ]
            )
        case "view" if pen.model.views:
            yield f"GRANT SELECT ON {pen.ref(pen.pick(pen.model.views))} TO {role}"
        case _:
            return


@operation("privileges", 2)
def revoke(pen: Pen) -> Written:
    table = pen.table()
    if table is None:
        return
    role = pen.role()
    what = pen.pick(["SELECT", "ALL", "INSERT, UPDATE", "GRANT OPTION FOR SELECT"])
    if pen.chance(25):
        yield f"REVOKE ALL ON SCHEMA {quoted(pen.pick(pen.model.schemas))} FROM {role}"
    else:
        yield f"REVOKE {what} ON {pen.ref(table)} FROM {role} CASCADE"


@operation("privileges", 3)
def default_privileges(pen: Pen) -> Written:
    where = f" IN SCHEMA {quoted(pen.pick(pen.model.schemas))}" if pen.chance(60) else ""
    what, privilege = pen.pick(
        [("TABLES", "SELECT"), ("TABLES", "ALL"), ("SEQUENCES", "USAGE"), ("FUNCTIONS", "EXECUTE"), ("TYPES", "USAGE")]
    )
    verb, word = ("GRANT", "TO") if pen.chance(75) else ("REVOKE", "FROM")
    yield f"ALTER DEFAULT PRIVILEGES{where} {verb} {privilege} ON {what} {word} {pen.role()}"


# Comments.


@operation("comments", 4)
def comment(pen: Pen) -> Written:
    text = pen.text() if not pen.chance(20) else "NULL"
    table = pen.table()
    target = ""
    choice = pen.pick(
        ["table", "column", "schema", "type", "function", "index", "constraint", "trigger", "view", "policy"]
    )
    if choice == "schema":
        target = f"SCHEMA {quoted(pen.pick(pen.model.schemas))}"
    elif choice == "type" and pen.model.kinds:
        kind = pen.pick(pen.model.kinds)
        target = f"{'DOMAIN' if kind.attributes == ['domain'] else 'TYPE'} {pen.ref(kind)}"
    elif choice == "function" and pen.model.routines:
        routine = pen.pick(pen.model.routines)
        target = f"{routine.kind.upper()} {pen.ref(routine)}({routine.arguments})"
    elif choice == "view" and pen.model.views:
        view = pen.pick(pen.model.views)
        target = f"{'MATERIALIZED VIEW' if view.is_materialized else 'VIEW'} {pen.ref(view)}"
    elif table is not None:
        target = _part_of_table(pen, table, choice)
    if target:
        yield f"COMMENT ON {target} IS {text}"


def _part_of_table(pen: Pen, table: Table, choice: str) -> str:
    if choice == "column" and table.columns:
        return f"COLUMN {pen.ref(table)}.{quoted(pen.pick(table.columns).name)}"
    if choice == "index" and table.of("index"):
        part = pen.pick(table.of("index"))
        return f"INDEX {quoted(part.schema)}.{quoted(part.name)}"
    if choice in ("trigger", "policy") and table.of(choice):
        return f"{choice.upper()} {quoted(pen.pick(table.of(choice)).name)} ON {pen.ref(table)}"
    if choice == "constraint" and table.of("check", "foreign", "unique"):
        return f"CONSTRAINT {quoted(pen.pick(table.of('check', 'foreign', 'unique')).name)} ON {pen.ref(table)}"
    return f"TABLE {pen.ref(table)}"


# Statistics objects.


@operation("statistics", 2)
def create_statistics(pen: Pen) -> Written:
    table = pen.table(lambda one: sum(column.kind.family in _SORTED for column in one.columns) > 1)
    if table is None:
        return
    schema, name, text = pen.place()
    columns = [one for one in table.columns if one.kind.family in _SORTED and one.auto != "stored"][:3]
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


# What was dropped comes again.


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
