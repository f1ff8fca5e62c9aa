"""Operations on types, domains and collations."""

from __future__ import annotations

from ..model import INTEGER, TEXT, Kind, literal, quoted
from ..pen import Pen, Written, operation


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
