"""Operations on triggers and rules."""

from __future__ import annotations

from ..model import Part, Routine, quoted
from ..pen import Pen, Written, operation

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
