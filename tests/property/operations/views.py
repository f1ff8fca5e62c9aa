"""Operations on views, materialized ones too."""

from __future__ import annotations

from ..model import Column, Table, View, quoted
from ..pen import Pen, Written, operation


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
    keep(pen, view)


def keep(pen: Pen, view: View) -> None:
    """Puts a view into the model."""
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
    keep(pen, view)
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
        keep(pen, view)
    else:
        pen.bury(view.made, lambda: keep(pen, view))
