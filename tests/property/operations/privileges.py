"""Operations on privileges."""

from __future__ import annotations

from ..model import quoted
from ..pen import Pen, Written, operation

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
