"""Operations on policies and row security."""

from __future__ import annotations

from ..model import Part, quoted
from ..pen import Pen, Written, operation


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
