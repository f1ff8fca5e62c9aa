"""Operations on views, functions, triggers, rules and policies."""

from __future__ import annotations

from .model import INTEGER, Column, Part, Routine, Table, View, quoted
from .pen import Pen, Written, operation

# Views.


def _condition(pen: Pen, column: Column) -> str:
    name = quoted(column.name)
    return pen.pick([f"{name} IS NOT NULL", f"{name} IS NULL OR true", f"({name})::text <> {pen.text()}"])


def _query(pen: Pen, view: View, table: Table, columns: list[Column]) -> str:
    listed = ", ".join(
        f"t.{quoted(one.name)} AS {quoted(name)}" for one, name in zip(columns, view.names, strict=False)
    )
    more = pen.pick(["", "", ", 'a   b'::text AS wide", ", count(*) OVER () AS total"])
    if more:
        view.names.append(more.split()[-1])
    where = f" WHERE {view.condition}" if view.condition else ""
    return f"SELECT {listed}{more} FROM {pen.ref(table)} AS t{where}"


@operation("views", 4)
def create_view(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is None:
        return
    schema, name, text = pen.place()
    columns = pen.some(table.columns)
    view = View(schema, name, table=table, columns=columns)
    view.names = [one.name if pen.chance(70) else f"as_{pen.count()}" for one in columns]
    view.condition = _condition(pen, columns[0]) if pen.chance(40) else ""
    options = pen.pick(["", "", " WITH (security_barrier = true)"])
    replace = "OR REPLACE " if pen.chance(20) else ""
    view.made = f"CREATE {replace}VIEW {text}{options} AS {_query(pen, view, table, columns)}"
    yield view.made
    _keep(pen, view)


def _keep(pen: Pen, view: View) -> None:
    pen.model.views.append(view)
    for one in view.columns:
        one.in_use += 1


@operation("views", 1)
def create_view_of_view(pen: Pen) -> Written:
    views = [one for one in pen.model.views if one.names]
    if not views:
        return
    below = pen.pick(views)
    schema, name, text = pen.place()
    view = View(schema, name, table=below.table, names=[below.names[0], "n"])
    yield f"CREATE VIEW {text} AS SELECT {quoted(below.names[0])}, row_number() OVER () AS n FROM {pen.ref(below)}"
    pen.model.views.append(view)


@operation("views", 2)
def create_materialized_view(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns))
    if table is None:
        return
    schema, name, text = pen.place()
    columns = pen.some(table.columns)
    view = View(schema, name, table=table, columns=columns, is_materialized=True)
    view.names = [one.name for one in columns]
    view.is_filled = not pen.chance(30)
    exists = "IF NOT EXISTS " if pen.chance(15) else ""
    ending = "" if view.is_filled else " WITH NO DATA"
    view.made = f"CREATE MATERIALIZED VIEW {exists}{text} AS {_query(pen, view, table, columns)}{ending}"
    yield view.made
    _keep(pen, view)
    if columns[0].is_unique and pen.chance(40):
        yield f"CREATE UNIQUE INDEX {quoted(pen.name())} ON {pen.ref(view)} ({quoted(view.names[0])})"
        view.has_unique = True


@operation("views", 2)
def refresh(pen: Pen) -> Written:
    views = [one for one in pen.model.views if one.is_materialized]
    if not views:
        return
    view = pen.pick(views)
    if view.has_unique and view.is_filled and pen.chance(50):
        yield f"REFRESH MATERIALIZED VIEW CONCURRENTLY {pen.ref(view)}"
    else:
        view_is_filled = not pen.chance(15)
        yield f"REFRESH MATERIALIZED VIEW {pen.ref(view)}{'' if view_is_filled else ' WITH NO DATA'}"
        view.is_filled = view_is_filled


@operation("views", 2)
def replace_view(pen: Pen) -> Written:
    views = [one for one in pen.model.views if not one.is_materialized and one.columns and one.table is not None]
    if not views:
        return
    view = pen.pick(views)
    listed = ", ".join(
        f"{quoted(one.name)} AS {quoted(name)}" for one, name in zip(view.columns, view.names, strict=False)
    )
    extra = f"more_{pen.count()}"
    if view.table is not None and len(view.names) == len(view.columns):
        yield f"CREATE OR REPLACE VIEW {pen.ref(view)} AS SELECT {listed}, {pen.text()}::text AS {extra} FROM {pen.ref(view.table)}"
        view.names.append(extra)
        view.made = ""


@operation("views", 2)
def alter_view(pen: Pen) -> Written:
    if not pen.model.views:
        return
    view = pen.pick(pen.model.views)
    kind = "MATERIALIZED VIEW" if view.is_materialized else "VIEW"
    alter = f"ALTER {kind} {pen.ref(view)}"
    match pen.pick(["rename", "rename column", "schema", "options", "default"]):
        case "rename":
            name = pen.name()
            yield f"{alter} RENAME TO {quoted(name)}"
            view.name = name
        case "rename column" if view.names:
            name = pen.name()
            yield f"{alter} RENAME COLUMN {quoted(view.names[0])} TO {quoted(name)}"
            view.names[0] = name
        case "schema" if len(pen.model.schemas) > 1:
            schema = pen.pick([one for one in pen.model.schemas if one != view.schema])
            yield f"{alter} SET SCHEMA {quoted(schema)}"
            view.schema = schema
        case "options":
            if view.is_materialized:
                yield f"{alter} SET (fillfactor = 50)"
            else:
                yield f"{alter} {pen.pick(['SET (security_barrier = true)', 'RESET (security_barrier)', 'SET (security_invoker = true)'])}"
        case "default" if view.columns and not view.is_materialized and view.columns[0].kind.values:
            yield f"{alter} ALTER COLUMN {quoted(view.names[0])} SET DEFAULT {pen.constant(view.columns[0].kind)}"
        case _:
            return
    view.made = ""


@operation("views", 3)
def drop_view(pen: Pen) -> Written:
    if not pen.model.views:
        return
    view = pen.pick(pen.model.views)
    kind = "MATERIALIZED VIEW" if view.is_materialized else "VIEW"
    cascade = " CASCADE" if pen.chance(30) else ""
    yield f"DROP {kind} {'IF EXISTS ' if pen.chance(20) else ''}{pen.ref(view)}{cascade}"
    pen.model.views.remove(view)
    for one in view.columns:
        one.in_use -= 1
    if view.made and pen.chance(50):
        yield view.made
        _keep(pen, view)
    else:
        pen.bury(view.made, lambda: _keep(pen, view))


# Functions.

_BODIES = (
    ("integer", "integer", "LANGUAGE sql IMMUTABLE", "$$ SELECT $1 * 2 $$"),
    ("integer", "integer", "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE", "$$ SELECT $1 + {n} $$"),
    ("text", "text", "LANGUAGE sql IMMUTABLE", "$$ SELECT lower($1) || 'it''s {n}' $$"),
    ("integer, text", "text", "LANGUAGE sql STABLE COST 50", "'SELECT $2 || $1::text'"),
    ("integer", "bigint", "LANGUAGE plpgsql", "$body$\nBEGIN\n    -- a comment; with a semicolon\n    RETURN $1 + {n};\nEND\n$body$"),
    ("", "integer", "LANGUAGE sql", "$$ SELECT {n} $$"),
    ("text", "boolean", "LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog", "$$ BEGIN RETURN $1 LIKE 'a\\%'; END $$"),
    ("integer", "SETOF integer", "LANGUAGE sql ROWS 10", "$$ SELECT generate_series(1, $1) $$"),
    ("integer[]", "integer", "LANGUAGE sql IMMUTABLE", "$$ SELECT $1[1] $$"),
)  # fmt: skip


@operation("functions", 4)
def create_function(pen: Pen) -> Written:
    same = [one for one in pen.model.routines if one.kind == "function" and not one.is_trigger]
    if same and pen.chance(35):
        other = pen.pick(same)
        schema, name, text = other.schema, other.name, pen.ref(other)
    else:
        schema, name, text = pen.place()
    arguments, result, language, body = pen.pick(_BODIES)
    routine = Routine(schema, name, arguments=arguments, is_immutable="IMMUTABLE" in language)
    routine.head = f"({arguments}) RETURNS {result} {language} AS"
    replace = "OR REPLACE " if pen.chance(40) else ""
    routine.made = f"CREATE {replace}FUNCTION {text} {routine.head} {body.format(n=pen.count())}"
    yield routine.made
    if not any(one.name == name and one.schema == schema and one.arguments == arguments for one in same):
        pen.model.routines.append(routine)


@operation("functions", 1)
def create_odd_routine(pen: Pen) -> Written:
    schema, name, text = pen.place()
    table = pen.table(lambda one: bool(one.columns))
    choice = pen.pick(["atomic", "return", "procedure", "out", "table", "named", "aggregate", "of table"])
    routine = Routine(schema, name, kind="procedure" if choice == "procedure" else "function")
    match choice:
        case "atomic" if table is not None:
            routine.made = f"CREATE FUNCTION {text}() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM {pen.ref(table)}; END"
        case "return":
            routine.arguments = "integer"
            routine.made = f"CREATE FUNCTION {text}(x integer) RETURNS integer LANGUAGE sql RETURN x + {pen.count()}"
        case "procedure":
            routine.arguments = "integer"
            routine.made = f"CREATE PROCEDURE {text}(IN n integer) LANGUAGE plpgsql AS $$ BEGIN PERFORM n; END $$"
        case "out":
            routine.arguments = "integer"
            routine.made = (
                f"CREATE FUNCTION {text}(integer, OUT a integer, OUT \"b c\" text) LANGUAGE sql AS $$ SELECT $1, 'x' $$"
            )
        case "table":
            routine.made = f"CREATE FUNCTION {text}() RETURNS TABLE (a integer, b text) LANGUAGE sql AS $$ VALUES (1, 'x'), (2, 'y') $$"
        case "named":
            routine.arguments = "integer, text"
            routine.made = f"CREATE FUNCTION {text}(first integer, second text DEFAULT {pen.text()}) RETURNS text LANGUAGE sql AS $$ SELECT second $$"
        case "aggregate":
            routine.kind, routine.arguments = "aggregate", "integer"
            routine.made = (
                f"CREATE AGGREGATE {text}(integer) (sfunc = int4pl, stype = integer, initcond = '{pen.count()}')"
            )
        case "of table" if table is not None:
            routine.arguments = pen.sure(table)
            routine.made = (
                f"CREATE FUNCTION {text}({pen.ref(table)}) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'row' $$"
            )
        case _:
            return
    yield routine.made
    if choice == "of table":
        routine.made = ""
    else:
        pen.model.routines.append(routine)
    if choice == "procedure" and pen.chance(50):
        yield f"CALL {pen.ref(routine)}(1)"


@operation("functions", 2)
def replace_function(pen: Pen) -> Written:
    found = [one for one in pen.model.routines if one.kind == "function" and one.head and "integer" in one.head]
    found = [one for one in found if one.arguments in ("integer", "") and "SETOF" not in one.head]
    if not found:
        return
    routine = pen.pick(found)
    body = f"$$ SELECT {pen.count()} $$" if "LANGUAGE sql" in routine.head else f"$$ BEGIN RETURN {pen.count()}; END $$"
    made = f"CREATE OR REPLACE FUNCTION {pen.ref(routine)} {routine.head} {body}"
    yield made
    routine.made = made


@operation("functions", 2)
def alter_function(pen: Pen) -> Written:
    if not pen.model.routines:
        return
    routine = pen.pick(pen.model.routines)
    alter = f"ALTER {routine.kind.upper()} {pen.ref(routine)}({routine.arguments})"
    match pen.pick(["rename", "schema", "set", "reset", "cost", "strict"]):
        case "rename":
            name = pen.name()
            yield f"{alter} RENAME TO {quoted(name)}"
            routine.name = name
        case "schema" if len(pen.model.schemas) > 1:
            schema = pen.pick([one for one in pen.model.schemas if one != routine.schema])
            yield f"{alter} SET SCHEMA {quoted(schema)}"
            routine.schema = schema
        case "set" if routine.kind != "aggregate":
            yield f"{alter} SET {pen.pick(['search_path = public', 'work_mem = 4096', 'search_path = public, pg_temp'])}"
        case "reset" if routine.kind != "aggregate":
            yield f"{alter} RESET ALL"
        case "cost" if routine.kind == "function":
            yield f"{alter} COST {pen.count()}"
        case "strict" if routine.kind == "function":
            yield f"{alter} {pen.pick(['STRICT', 'SECURITY DEFINER', 'PARALLEL SAFE', 'LEAKPROOF', 'STABLE'])}"
        case _:
            return
    routine.made, routine.head = "", ""


@operation("functions", 3)
def drop_function(pen: Pen) -> Written:
    if not pen.model.routines:
        return
    routine = pen.pick(pen.model.routines)
    names = [one for one in pen.model.routines if one.name == routine.name and one.schema == routine.schema]
    bare = len(names) == 1 and pen.chance(25)
    arguments = "" if bare and routine.kind != "aggregate" else f"({routine.arguments})"
    cascade = " CASCADE" if pen.chance(25) else ""
    yield f"DROP {routine.kind.upper()} {'IF EXISTS ' if pen.chance(20) else ''}{pen.ref(routine)}{arguments}{cascade}"
    pen.model.routines.remove(routine)
    if routine.made and pen.chance(40):
        yield routine.made
        pen.model.routines.append(routine)
    else:
        pen.bury(routine.made, lambda: pen.model.routines.append(routine))


@operation("functions", 1)
def use_function(pen: Pen) -> Written:
    found = [one for one in pen.model.routines if one.takes_int and one.is_immutable]
    table = pen.table(lambda one: any(column.kind is INTEGER for column in one.columns) and not one.is_partition)
    if not found or table is None:
        return
    routine = pen.pick(found)
    column = pen.pick([one for one in table.columns if one.kind is INTEGER])
    call = f"{pen.ref(routine)}({quoted(column.name)})"
    match pen.pick(["check", "index", "view"]):
        case "check":
            part = Part(pen.name(), "check", columns=(column,))
            yield f"ALTER TABLE {pen.ref(table)} ADD CONSTRAINT {quoted(part.name)} CHECK ({call} IS NOT NULL OR true)"
            table.parts.append(part)
        case "index":
            part = Part(pen.name(), "index", columns=(column,), schema=table.schema)
            yield f"CREATE INDEX {quoted(part.name)} ON {pen.ref(table)} (({call}))"
            table.parts.append(part)
        case _:
            schema, name, text = pen.place()
            view = View(schema, name, table=table, columns=[column], names=["made"])
            view.made = f"CREATE VIEW {text} AS SELECT {call} AS made FROM {pen.ref(table)}"
            yield view.made
            _keep(pen, view)
    table.made = ""


# Triggers.


@operation("triggers", 4)
def create_trigger(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.is_partition and bool(one.writable))
    if table is None:
        return
    texts = [one for one in table.writable if one.kind.name == "text"]
    schema, name, text = pen.place()
    timing = pen.pick(["BEFORE", "BEFORE", "AFTER"])
    events = pen.pick(["UPDATE", "INSERT OR UPDATE", "INSERT", "DELETE"])
    row = "ROW" if timing == "BEFORE" else pen.pick(["ROW", "STATEMENT"])
    change = ""
    if timing == "BEFORE" and texts and events != "DELETE":
        column = pen.pick(texts)
        change = f"    NEW.{quoted(column.name)} := coalesce(NEW.{quoted(column.name)}, '') || 'touched';\n"
    result = "OLD" if events == "DELETE" and timing == "BEFORE" else "NEW" if timing == "BEFORE" else "NULL"
    routine = Routine(schema, name, is_trigger=True)
    routine.made = (
        f"CREATE FUNCTION {text}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n{change}    RETURN {result};\nEND\n$$"
    )
    yield routine.made
    pen.model.routines.append(routine)
    when = ""
    if row == "ROW" and pen.chance(20) and events == "UPDATE":
        when = " WHEN (OLD.* IS DISTINCT FROM NEW.*)"
    of = f" OF {quoted(pen.pick(table.writable).name)}" if events == "UPDATE" and pen.chance(30) else ""
    part = Part(pen.name(), "trigger")
    replace = "OR REPLACE " if pen.chance(15) else ""
    part.made = (
        f"CREATE {replace}TRIGGER {quoted(part.name)} {timing} {events}{of} ON {pen.ref(table)} "
        f"FOR EACH {row}{when} EXECUTE FUNCTION {pen.ref(routine)}()"
    )
    yield part.made
    table.parts.append(part)


@operation("triggers", 1)
def create_constraint_trigger(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.split and not one.is_partition)
    routines = [one for one in pen.model.routines if one.is_trigger]
    if table is None or not routines:
        return
    part = Part(pen.name(), "trigger")
    part.made = (
        f"CREATE CONSTRAINT TRIGGER {quoted(part.name)} AFTER INSERT ON {pen.ref(table)} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {pen.ref(pen.pick(routines))}('an argument')"
    )
    yield part.made
    table.parts.append(part)


@operation("triggers", 4)
def update_without_trigger(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("trigger")) and bool(one.writable))
    if table is None:
        return
    part = pen.pick(table.of("trigger"))
    which = pen.pick([quoted(part.name), quoted(part.name), "USER", "ALL"])
    yield f"ALTER TABLE {pen.ref(table)} DISABLE TRIGGER {which}"
    column = pen.pick(table.writable)
    value = pen.constant(column.kind)
    yield f"UPDATE {pen.ref(table)} SET {quoted(column.name)} = {value}"
    yield f"ALTER TABLE {pen.ref(table)} ENABLE TRIGGER {which}"


@operation("triggers", 2)
def alter_trigger(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("trigger")))
    if table is None:
        return
    part = pen.pick(table.of("trigger"))
    if pen.chance(30):
        name = pen.name()
        yield f"ALTER TRIGGER {quoted(part.name)} ON {pen.ref(table)} RENAME TO {quoted(name)}"
        part.name, part.made = name, ""
    else:
        how = pen.pick(["DISABLE", "ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA"])
        yield f"ALTER TABLE {pen.ref(table)} {how} TRIGGER {quoted(part.name)}"


@operation("triggers", 2)
def drop_trigger(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("trigger")))
    if table is None:
        return
    part = pen.pick(table.of("trigger"))
    yield f"DROP TRIGGER {'IF EXISTS ' if pen.chance(30) else ''}{quoted(part.name)} ON {pen.ref(table)}"
    table.parts.remove(part)
    if part.made and pen.chance(40):
        yield part.made
        table.parts.append(part)
    else:
        pen.bury(part.made, lambda: table.parts.append(part))


# Rules.


@operation("rules", 1)
def create_rule(pen: Pen) -> Written:
    table = pen.table(lambda one: not one.is_partition and not one.split)
    if table is None:
        return
    part = Part(pen.name(), "rule")
    doing = pen.pick(["DO ALSO NOTHING", "DO ALSO SELECT 1"])
    part.made = f"CREATE OR REPLACE RULE {quoted(part.name)} AS ON DELETE TO {pen.ref(table)} {doing}"
    yield part.made
    table.parts.append(part)


@operation("rules", 1)
def drop_rule(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("rule")))
    if table is None:
        return
    part = pen.pick(table.of("rule"))
    if pen.chance(50):
        yield f"DROP RULE {quoted(part.name)} ON {pen.ref(table)}"
        table.parts.remove(part)
    else:
        yield f"ALTER TABLE {pen.ref(table)} {pen.pick(['DISABLE', 'ENABLE', 'ENABLE ALWAYS'])} RULE {quoted(part.name)}"


# Policies.


@operation("policies", 3)
def create_policy(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.columns) and not one.is_partition)
    if table is None:
        return
    if not table.has_rls:
        yield f"ALTER TABLE {pen.ref(table)} ENABLE ROW LEVEL SECURITY"
        table.has_rls = True
    part = Part(pen.name(), "policy")
    what = pen.pick([" FOR SELECT", "", " AS RESTRICTIVE FOR UPDATE", " FOR DELETE"])
    column = pen.pick(table.columns)
    part.made = (
        f"CREATE POLICY {quoted(part.name)} ON {pen.ref(table)}{what} TO {pen.role()} "
        f"USING ({quoted(column.name)} IS NOT NULL)"
    )
    yield part.made
    table.parts.append(part)


@operation("policies", 2)
def alter_policy(pen: Pen) -> Written:
    table = pen.table(lambda one: bool(one.of("policy")))
    if table is None:
        return
    part = pen.pick(table.of("policy"))
    policy = f"POLICY {quoted(part.name)} ON {pen.ref(table)}"
    match pen.pick(["rename", "using", "to", "drop", "drop"]):
        case "rename":
            name = pen.name()
            yield f"ALTER {policy} RENAME TO {quoted(name)}"
            part.name, part.made = name, ""
        case "using":
            yield f"ALTER {policy} USING ({pen.pick(['true', 'false', 'current_user <> session_user'])})"
            part.made = ""
        case "to":
            yield f"ALTER {policy} TO {pen.role()}"
            part.made = ""
        case _:
            yield f"DROP {policy}"
            table.parts.remove(part)
            pen.bury(part.made, lambda: table.parts.append(part))


@operation("policies", 1)
def row_security(pen: Pen) -> Written:
    table = pen.table(lambda one: one.has_rls)
    if table is not None:
        how = pen.pick(["FORCE", "NO FORCE", "DISABLE", "ENABLE"])
        yield f"ALTER TABLE {pen.ref(table)} {how} ROW LEVEL SECURITY"
