"""Operations on functions, procedures and aggregates."""

from __future__ import annotations

from ..model import INTEGER, Part, Routine, View, quoted
from ..pen import Pen, Written, operation
from .views import keep

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
            keep(pen, view)
    table.made = ""
