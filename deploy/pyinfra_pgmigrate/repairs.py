"""SQL that leads from a catalog line as it is found to the line as it should be. Pure: text for people to run.

Each function returns statements, or None for what a line does not tell how to make; nothing here is run by the
library. Names mean what they mean in the lines: without a schema they are in ``pg_schema``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from .catalog import INVALID, definition_of, key_of, parts_of
from .lines import Column, column_of, function_of, without_settings

# How SQL calls a kind of line, where ALTER and DROP take its name alone.
_WORDS = {
    "aggregate": "AGGREGATE", "collation": "COLLATION", "event_trigger": "EVENT TRIGGER", "extension": "EXTENSION",
    "foreign_server": "SERVER", "function": "FUNCTION", "index": "INDEX", "materialized_view": "MATERIALIZED VIEW",
    "operator": "OPERATOR", "procedure": "PROCEDURE", "publication": "PUBLICATION", "schema": "SCHEMA",
    "sequence": "SEQUENCE", "statistics": "STATISTICS", "table": "TABLE", "type": "TYPE", "view": "VIEW",
}  # fmt: skip
_DEFAULTS_ON = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}
_TRIGGER_STATES = {
    " DISABLED": "DISABLE TRIGGER",
    " ENABLED ALWAYS": "ENABLE ALWAYS TRIGGER",
    " ENABLED REPLICA": "ENABLE REPLICA TRIGGER",
}
_RULE_STATES = {"D": "DISABLE RULE", "A": "ENABLE ALWAYS RULE", "R": "ENABLE REPLICA RULE"}
_STATISTICS = {"d": "ndistinct", "f": "dependencies", "m": "mcv"}

Statements = list[str] | None


def unescaped(line: str) -> str:
    r"""Returns the text of a line as it was before it became one line.

    >>> unescaped(r"a\nb\\n")
    'a\nb\\n'
    """
    return re.sub(r"\\(n|\\)", lambda found: "\n" if found[1] == "n" else "\\", line)


def _name(line: str) -> str:
    return key_of(line).split(" ", 1)[1]


def _place(line: str) -> tuple[str, str]:
    return parts_of(_name(line))


def _text(line: str) -> str:
    return unescaped(definition_of(line))


def joined(statements: Iterable[str]) -> str:
    """Returns statements as one text, each with its semicolon."""
    return "\n".join(one if one.endswith((";", "lost")) else f"{one};" for one in statements)


def _together(statements: Statements) -> Statements:
    """Puts statements that leave a hole between them into one transaction."""
    return None if statements is None else ["BEGIN", *statements, "COMMIT"]


# Making what is missing.


def make(lines: Collection[str], domains: Collection[str] = ()) -> Statements:
    """Returns what makes an object again from its lines, owner and grants included.

    + lines: what the catalog said of it, all of one object
    + domains: names of the domains, whose constraints are made otherwise than a table's
    """
    main = [line for line in lines if not line.startswith(("owner ", "grant ", "comment ", "definition "))]
    if len(main) != 1:
        return None
    (line,) = main
    kind = line.split(" ", 1)[0]
    whole = next((unescaped(definition_of(one)) for one in lines if one.startswith("definition ")), "")
    found = _make_view(line, whole) if kind.endswith("view") else None
    if kind == "rule":
        found = _make_rule(line, whole)
    elif kind == "constraint":
        found = [_alter_for_constraint(line, domains, f"ADD CONSTRAINT {_place(line)[1]} {_text(line)}")]
    elif kind in _MAKERS:
        found = _MAKERS[kind](line)
    if found is None:
        return None
    owners = [one for one in lines if one.startswith("owner ")]
    return found + [own_back(one) for one in owners] + _grants_back(lines, owners)


def _grants_back(lines: Collection[str], owners: Collection[str]) -> list[str]:
    owner = next((definition_of(line) for line in owners), "")
    grants = sorted(line for line in lines if line.startswith("grant "))
    found = [] if not grants else [
        f"REVOKE ALL ON {_on(key)} FROM PUBLIC"
        for key in {key_of(line) for line in grants}
        if key.startswith(("function ", "procedure ", "type "))
    ]  # fmt: skip
    for line in grants:
        grantee, privilege = definition_of(line).split(" ", 1)
        if grantee != owner:
            found += grant(key_of(line), grantee, [privilege])
    return found


def _make_column(line: str) -> Statements:
    table, name = _place(line)
    return [f"ALTER TABLE {table} ADD COLUMN {name} {_column_sql(column_of(line))}"]


def _column_sql(column: Column) -> str:
    parts = [column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({unescaped(column.generated)}) {column.how.upper()}")
    if column.default:
        parts.append(f"DEFAULT {unescaped(column.default)}")
    if column.not_null:
        parts.append("NOT NULL")
    return " ".join(parts)


def _make_index(line: str) -> Statements:
    text = _text(line).removesuffix(INVALID).removesuffix(" CLUSTER")
    identity = text.endswith(" REPLICA IDENTITY")
    text = text.removesuffix(" REPLICA IDENTITY")
    if " ON ONLY " in text:
        # Of a partitioned table: made for all its partitions, and not CONCURRENTLY.
        made = text.replace(" ON ONLY ", " ON ", 1)
    else:
        made = re.sub(r"^CREATE (UNIQUE )?INDEX ", r"CREATE \1INDEX CONCURRENTLY ", text)
    return [made] + ([_replica_identity(line)] if identity else [])


def _replica_identity(line: str) -> str:
    return f"ALTER TABLE {table_of(line)} REPLICA IDENTITY USING INDEX {parts_of(_name(line))[1]}"


def table_of(line: str) -> str:
    """Returns the table of an index line, as the line writes it."""
    found = re.search(r' INDEX (?:"(?:[^"]|"")+"|\S+) ON (?:ONLY )?((?:"(?:[^"]|"")+"|[^\s"])+) USING ', line)
    return found[1] if found else ""


def _alter_for_constraint(line: str, domains: Collection[str], action: str) -> str:
    table = _place(line)[0]
    return f"ALTER {'DOMAIN' if table in domains else 'TABLE'} {table} {action}"


def _trigger_state(line: str) -> tuple[str, str]:
    """Returns the text of a trigger without its state, and the action that brings the state."""
    text = _text(line)
    for suffix, action in _TRIGGER_STATES.items():
        if text.endswith(suffix):
            return text.removesuffix(suffix), action
    return text, "ENABLE TRIGGER"


def _make_trigger(line: str) -> Statements:
    table, name = _place(line)
    text, action = _trigger_state(line)
    return [text] + ([] if action == "ENABLE TRIGGER" else [f"ALTER TABLE {table} {action} {name}"])


def _make_policy(line: str) -> Statements:
    table, name = _place(line)
    return [f"CREATE POLICY {name} ON {table} AS {_text(line)}"]


def _row_security(line: str) -> Statements:
    words = definition_of(line).split()
    enabled = "ENABLE" if "enabled" in words else "DISABLE"
    forced = "FORCE" if "forced" in words else "NO FORCE"
    return [f"ALTER TABLE {_name(line)} {enabled} ROW LEVEL SECURITY, {forced} ROW LEVEL SECURITY"]


def _make_function(line: str) -> Statements:
    found = function_of(unescaped(line))
    if found is None:
        return None
    kind = key_of(line).split(" ", 1)[0].upper()
    name = re.sub(r"\(.*\)$", "", _name(line), flags=re.DOTALL)
    returns = f" RETURNS {found.returns}" if found.returns else ""
    settings = "".join(f" SET {one.name} = {one.sql}" for one in found.settings)
    if found.body.startswith("as "):
        body = found.body.removeprefix("as ")
        tag = "$body$" if "$body$" not in body else "$pgmigrate_body$"
        body = f"AS {tag}{body}{tag}"
    else:
        body = found.body
    words = f"{returns} LANGUAGE {found.language}{found.attributes.upper()}{settings} {body}"
    return [f"CREATE OR REPLACE {kind} {name}({found.arguments}){words}"]


def _make_view(line: str, whole: str) -> Statements:
    if not whole:
        return None
    kind, name = key_of(line).split(" ", 1)
    options = re.match(r"with \(([^)]*)\) as ", definition_of(line))
    with_options = f" WITH ({options[1]})" if options else ""
    word = "CREATE MATERIALIZED VIEW" if kind == "materialized_view" else "CREATE OR REPLACE VIEW"
    return [f"{word} {name}{with_options} AS {whole.strip()}"]


def _make_rule(line: str, whole: str) -> Statements:
    if not whole:
        return None
    table, name = _place(line)
    state = re.search(r" enabled ([DAR])$", line)
    made = re.sub(r"^CREATE RULE", "CREATE OR REPLACE RULE", whole.strip())
    return [made, f"ALTER TABLE {table} {_RULE_STATES[state[1]] if state else 'ENABLE RULE'} {name}"]


def _sequence(line: str, word: str) -> Statements:
    found = re.match(
        r"as (\w+) start (-?\d+) increment (-?\d+) minvalue (-?\d+) maxvalue (-?\d+) cache (\d+)( cycle)?(?: owned by (.+))?$",
        definition_of(line),
    )
    if found is None:
        return None
    kind, start, step, least, most, cache, cycle, owned = found.groups()
    return [
        f"{word} SEQUENCE {_name(line)} AS {kind} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} START WITH {start} "
        f"CACHE {cache} {'CYCLE' if cycle else 'NO CYCLE'} OWNED BY {owned or 'NONE'}"
    ]


def _make_type(line: str) -> Statements:
    kind, _, rest = _text(line).partition(" ")
    match kind:
        case "enum":
            return [f"CREATE TYPE {_name(line)} AS ENUM {rest}"]
        case "composite":
            return [f"CREATE TYPE {_name(line)} AS {rest}"]
        case "range":
            return [f"CREATE TYPE {_name(line)} AS RANGE (SUBTYPE = {rest.strip('()')})"]
        case "domain":
            return [f"CREATE DOMAIN {_name(line)} AS {rest}"]
    return None


def _make_statistics(line: str) -> Statements:
    found = re.match(r"\(([^)]*)\) (ON .+?)( target \d+)?$", _text(line))
    if found is None:
        return None
    kinds = [_STATISTICS[one] for one in found[1].split(", ") if one in _STATISTICS]
    return [f"CREATE STATISTICS {_name(line)}{' (' + ', '.join(kinds) + ')' if kinds else ''} {found[2]}"]


def _publication_table(line: str) -> tuple[str, str]:
    found = re.match(r'("(?:[^"]|"")+"|[^.]+)\.(.+)', _name(line))
    return (found[1], found[2]) if found else (_name(line), "")


def _make_publication_table(line: str) -> Statements:
    publication, table = _publication_table(line)
    found = re.match(r"(?:where (.+?))?(?: ?columns (\(.+\)))?$", _text(line))
    where, columns = found.groups() if found else (None, None)
    return [
        f"ALTER PUBLICATION {publication} ADD TABLE {table}{f' {columns}' if columns else ''}"
        f"{f' WHERE ({where})' if where else ''}"
    ]


_MAKERS: Mapping[str, Callable[[str], Statements]] = {
    "schema": lambda line: [f"CREATE SCHEMA {_name(line)}"],
    "extension": lambda line: [f"CREATE EXTENSION {_name(line)}"],
    "type": _make_type,
    "sequence": lambda line: _sequence(line, "CREATE"),
    "column": _make_column,
    "index": _make_index,
    "trigger": _make_trigger,
    "policy": _make_policy,
    "row_security": _row_security,
    "function": _make_function,
    "procedure": _make_function,
    "statistics": _make_statistics,
    "publication_table": _make_publication_table,
}


# Taking away what is there and should not be.


def drop(line: str, domains: Collection[str] = ()) -> Statements:
    """Returns what takes away the object of a line, which stands for it and what hangs on it."""
    kind = line.split(" ", 1)[0]
    table, name = _place(line)
    match kind:
        case "column":
            return [f"ALTER TABLE {table} DROP COLUMN {name}"]
        case "constraint":
            return [_alter_for_constraint(line, domains, f"DROP CONSTRAINT {name}")]
        case "trigger" | "policy" | "rule":
            return [f"DROP {kind.upper()} {name} ON {table}"]
        case "row_security":
            return [f"ALTER TABLE {_name(line)} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"]
        case "index" if " ON ONLY " not in line:
            return [f"DROP INDEX CONCURRENTLY {_name(line)}"]
        case "publication_table":
            return ["ALTER PUBLICATION {} DROP TABLE {}".format(*_publication_table(line))]
        case "table" if definition_of(line).startswith("foreign "):
            return [f"DROP FOREIGN TABLE {_name(line)}"]
        case _ if kind in _WORDS:
            return [f"DROP {_WORDS[kind]} {_name(line)}"]
    return None


def rename(kind: str, found: str, expected: str) -> Statements:
    """Returns what gives an object its name back.

    + found, expected: as in a key; parts of a table with the table
    """
    if kind in {"column", "constraint", "trigger", "policy"}:
        (table, now), (_, name) = parts_of(found), parts_of(expected)
        if kind in {"trigger", "policy"}:
            return [f"ALTER {kind.upper()} {now} ON {table} RENAME TO {name}"]
        return [f"ALTER TABLE {table} RENAME {kind.upper()} {now} TO {name}"]
    name = parts_of(re.sub(r"\(.*\)$", "", expected, flags=re.DOTALL))[1]
    return [f"ALTER {_WORDS[kind]} {found} RENAME TO {name}"]


# Owner and rights.


def own_back(line: str) -> str:
    """Returns what gives an object the owner of a line."""
    kind, name = key_of(line).split(" ", 1)
    return f"ALTER {_WORDS[kind]} {name} OWNER TO {definition_of(line)}"


def _on(key: str) -> str:
    kind, name = key.split(" ", 1)
    return f"{_WORDS[kind]} {name}" if kind not in {"table", "view", "materialized_view"} else name


def grant(key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    """Returns what gives privileges on the object of a key; ``with grant option`` is part of one."""
    return _rights("GRANT", "TO", key, grantee, privileges)


def revoke(key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    """Returns what takes privileges on the object of a key away."""
    return _rights("REVOKE", "FROM", key, grantee, privileges)


def _rights(verb: str, preposition: str, key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    found = []
    for option in ("", " with grant option"):
        names = sorted(one.removesuffix(option) for one in privileges if one.endswith("option") == bool(option))
        if not names:
            continue
        suffix = option.upper() if verb == "GRANT" else ""
        kind, name = key.split(" ", 1)
        if kind == "column":
            table, column = parts_of(name)
            named = ", ".join(f"{one} ({column})" for one in names)
            found.append(f"{verb} {named} ON {table} {preposition} {grantee}{suffix}")
        elif kind == "defaults":
            who, what = name.rsplit(" ", 1)
            role, schema = (who, "") if not parts_of(who)[0] else parts_of(who)
            within = f" IN SCHEMA {schema}" if schema else ""
            found.append(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{within} {verb} {', '.join(names)} ON {_DEFAULTS_ON[what]} "
                f"{preposition} {grantee}{suffix}"
            )
        else:
            found.append(f"{verb} {', '.join(names)} ON {_on(key)} {preposition} {grantee}{suffix}")
    return found


# Changing what is otherwise than it should be.


def change(gone: Collection[str], come: Collection[str], domains: Collection[str] = ()) -> Statements:
    """Returns what leads from the lines of an object as they are to those that it should have.

    + gone: the lines that should be there; come: those that are
    """
    old = next((line for line in gone if not line.startswith("definition ")), next(iter(gone)))
    new = next((line for line in come if not line.startswith("definition ")), next(iter(come)))
    kind = old.split(" ", 1)[0]
    if kind in _CHANGERS:
        return _CHANGERS[kind](old, new)
    match kind:
        case "constraint":
            return _change_constraint(old, new, domains)
        case "view" | "rule" | "definition":
            return _change_whole(gone, old)
        case "policy" | "statistics" | "publication_table":
            dropped, made = drop(new), make([old])
            return _together([*dropped, *made]) if dropped and made else None
        case "owner":
            return [own_back(old)]
    return None


def change_property(old: str, new: str, own: str) -> Statements:
    """Returns what leads back to a line of kind ``definition`` that tells a property, and no text.

    + old, new: the line that should be there and the one that is; empty where it is as usual
    + own: the line of the object itself
    """
    kind, name = key_of(old or new).split(" ", 1)
    match kind:
        case "schema":
            return [f"ALTER SCHEMA {name} OWNER TO {definition_of(old).removeprefix('owned by ')}"] if old else None
        case "table":
            index = definition_of(old).removeprefix("replica identity using index ") if old else ""
            identity = re.search(r" replica identity (full|nothing)", own)
            back = f"USING INDEX {index}" if index else identity[1].upper() if identity else "DEFAULT"
            return [f"ALTER TABLE {name} REPLICA IDENTITY {back}"]
        case "column":
            words = definition_of(old) if old else "identity start 1 increment 1 minvalue 1 cache 1"
            numbers = dict(re.findall(r"(start|increment|minvalue|maxvalue|cache) (-?\d+)", words))
            table, column = parts_of(name)
            most = f"SET MAXVALUE {numbers['maxvalue']}" if "maxvalue" in numbers else "SET NO MAXVALUE"
            return [
                f"ALTER TABLE {table} ALTER COLUMN {column} SET START WITH {numbers['start']} "
                f"SET INCREMENT BY {numbers['increment']} SET MINVALUE {numbers['minvalue']} {most} "
                f"SET CACHE {numbers['cache']} SET {'CYCLE' if words.endswith(' cycle') else 'NO CYCLE'}"
            ]
    return None


def _change_whole(gone: Collection[str], old: str) -> Statements:
    """Puts a view or rule back, whose text is in its definition line."""
    whole = next((line for line in gone if line.startswith("definition ")), "")
    kind = key_of(old).split(" ", 1)[0]
    if kind == "view":
        return _make_view(old, _text(whole)) if whole else None
    if kind == "rule":
        state = re.search(r" enabled ([DAR])$", old)
        table, name = _place(old)
        back = f"ALTER TABLE {table} {_RULE_STATES[state[1]] if state else 'ENABLE RULE'} {name}"
        return _make_rule(old, _text(whole)) if whole else [back]
    return None


def _change_index(old: str, new: str) -> Statements:
    if old == new.removesuffix(INVALID):
        return [f"REINDEX INDEX CONCURRENTLY {_name(old)}"]
    if old == new + " REPLICA IDENTITY":
        return [_replica_identity(old)]
    if new == old + " REPLICA IDENTITY":
        return [f"ALTER TABLE {table_of(old)} REPLICA IDENTITY DEFAULT"]
    dropped, made = drop(new), _make_index(old)
    return [*dropped, *made] if dropped and made else None


def _change_constraint(old: str, new: str, domains: Collection[str]) -> Statements:
    table, name = _place(old)
    wanted, found = _text(old), _text(new)
    if new.startswith("definition "):
        schema = parts_of(table)[0]
        return [f"REINDEX INDEX CONCURRENTLY {f'{schema}.{name}' if schema else name}"]
    if new.startswith("constraint_disabled "):
        return [f"ALTER TABLE {_place(old)[0]} ENABLE TRIGGER ALL"]
    if old.startswith("constraint_disabled "):
        return None
    if found == f"{wanted} NOT VALID":
        return [_alter_for_constraint(old, domains, f"VALIDATE CONSTRAINT {name}")]
    timing = re.compile(r"( DEFERRABLE)?( INITIALLY DEFERRED)?$")
    if wanted.startswith("FOREIGN KEY") and timing.sub("", wanted, 1) == timing.sub("", found, 1):
        deferrable = " DEFERRABLE" if " DEFERRABLE" in wanted else " NOT DEFERRABLE"
        initially = " INITIALLY DEFERRED" if " INITIALLY DEFERRED" in wanted else " INITIALLY IMMEDIATE"
        return [f"ALTER TABLE {_place(old)[0]} ALTER CONSTRAINT {name}{deferrable}{initially}"]
    if _place(old)[0] in domains:
        return _together(
            [_alter_for_constraint(old, domains, f"{one} CONSTRAINT {name}") for one in ("DROP",)]
            + [_alter_for_constraint(old, domains, f"ADD CONSTRAINT {name} {wanted}")]
        )
    return [f"ALTER TABLE {_place(old)[0]} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {wanted}"]


def _change_column(old: str, new: str) -> Statements:
    table, name = _place(old)
    wanted, found = column_of(old), column_of(new)
    if wanted.generated and (wanted.generated, wanted.how) != (found.generated, found.how):
        return [f"ALTER TABLE {table} DROP COLUMN {name}, ADD COLUMN {name} {_column_sql(wanted)}"]
    actions = []
    if found.generated and not wanted.generated:
        actions.append("DROP EXPRESSION")
    if found.identity and not wanted.identity:
        actions.append("DROP IDENTITY")
    if (wanted.type, wanted.collation) != (found.type, found.collation):
        if found.default:
            actions.append("DROP DEFAULT")
        collation = f" COLLATE {wanted.collation}" if wanted.collation else ""
        actions.append(f"TYPE {wanted.type}{collation} USING {name}::{wanted.type}")
    if wanted.not_null != found.not_null:
        actions.append("SET NOT NULL" if wanted.not_null else "DROP NOT NULL")
    if wanted.default and (wanted.default != found.default or "DROP DEFAULT" in actions):
        actions.append(f"SET DEFAULT {unescaped(wanted.default)}")
    elif found.default and not wanted.default and "DROP DEFAULT" not in actions:
        actions.append("DROP DEFAULT")
    if wanted.identity and not found.identity:
        actions.append(f"ADD GENERATED {wanted.identity.upper()} AS IDENTITY")
    elif wanted.identity != found.identity and wanted.identity:
        actions.append(f"SET GENERATED {wanted.identity.upper()}")
    if not actions:
        return None
    if "DROP DEFAULT" in actions and any(one.startswith("SET DEFAULT") for one in actions):
        # One ALTER TABLE runs both in its own order; the old default may not fit the type.
        return _together([f"ALTER TABLE {table} ALTER COLUMN {name} {one}" for one in actions])
    return [f"ALTER TABLE {table} " + ", ".join(f"ALTER COLUMN {name} {one}" for one in actions)]


def _change_table(old: str, new: str) -> Statements:
    table = _name(old)
    wanted, found = without_settings(old), without_settings(new)
    actions = []
    if (" unlogged" in wanted) != (" unlogged" in found):
        actions.append(f"ALTER TABLE {table} SET {'UNLOGGED' if ' unlogged' in wanted else 'LOGGED'}")
    identity = re.compile(r" replica identity (full|nothing)$")
    if (match := identity.search(wanted)) != (other := identity.search(found)) and (match or other):
        back = f"ALTER TABLE {table} REPLICA IDENTITY {match[1].upper() if match else 'DEFAULT'}"
        if not (match and other and match[1] == other[1]):
            actions.append(back)
    part = re.compile(r" partition of (\S+) ((?:FOR VALUES|DEFAULT).*?)(?: replica identity \w+)?$")
    attached, now = part.search(wanted), part.search(found)
    if (attached and attached.groups()) != (now and now.groups()):
        if now:
            actions.append(f"ALTER TABLE {now[1]} DETACH PARTITION {table}")
        if attached:
            actions.append(f"ALTER TABLE {attached[1]} ATTACH PARTITION {table} {attached[2]}")
    inherits = re.compile(r" inherits \(([^)]*)\)")
    parents, has = inherits.search(wanted), inherits.search(found)
    wants = set(parents[1].split(", ")) if parents else set()
    is_of = set(has[1].split(", ")) if has else set()
    actions += [f"ALTER TABLE {table} NO INHERIT {one}" for one in sorted(is_of - wants)]
    actions += [f"ALTER TABLE {table} INHERIT {one}" for one in sorted(wants - is_of)]
    return actions or None


def _change_trigger(old: str, new: str) -> Statements:
    table, name = _place(old)
    (wanted, action), (found, _) = _trigger_state(old), _trigger_state(new)
    if wanted == found:
        return [f"ALTER TABLE {table} {action} {name}"]
    made = _make_trigger(old)
    return None if made is None else _together([f"DROP TRIGGER {name} ON {table}", *made])


def _change_function(old: str, new: str) -> Statements:
    wanted, found = function_of(unescaped(old)), function_of(unescaped(new))
    made = _make_function(old)
    if wanted is None or found is None or made is None:
        return made
    if (wanted.arguments, wanted.returns) == (found.arguments, found.returns):
        return made
    dropped = drop(new)
    return None if dropped is None else _together([*dropped, *made])


def _change_type(old: str, new: str) -> Statements:
    name = _name(old)
    wanted, found = _text(old), _text(new)
    if wanted.startswith("enum ") and found.startswith("enum "):
        return _change_enum(name, _labels(wanted), _labels(found))
    domain = re.compile(r"domain (.+?)( not null)?(?: default (.*))?$", re.DOTALL)
    want, have = domain.match(wanted), domain.match(found)
    if want and have and want[1] == have[1]:
        actions = []
        if want[2] != have[2]:
            actions.append("SET NOT NULL" if want[2] else "DROP NOT NULL")
        if want[3] != have[3]:
            actions.append(f"SET DEFAULT {want[3]}" if want[3] else "DROP DEFAULT")
        return [f"ALTER DOMAIN {name} {one}" for one in actions]
    return None


def _labels(text: str) -> list[str]:
    return re.findall(r"E?'(?:[^']|'')*'", text)


def _change_enum(name: str, wanted: list[str], found: list[str]) -> Statements:
    if len(wanted) == len(found):
        different = [(now, was) for was, now in zip(wanted, found, strict=True) if was != now]
        return [f"ALTER TYPE {name} RENAME VALUE {now} TO {was}" for now, was in different]
    # A value that came cannot be taken away again.
    return None


def _change_publication(old: str, new: str) -> Statements:
    words = definition_of(old).split()
    if ("all" in words) != ("all" in definition_of(new).split()):
        return None
    what = ", ".join(one for one in ("insert", "update", "delete", "truncate") if one in words)
    root = "true" if "root" in words else "false"
    return [f"ALTER PUBLICATION {_name(old)} SET (publish = '{what}', publish_via_partition_root = {root})"]


_CHANGERS: Mapping[str, Callable[[str, str], Statements]] = {
    "publication": _change_publication,
    "column": _change_column,
    "index": _change_index,
    "table": _change_table,
    "trigger": _change_trigger,
    "function": _change_function,
    "procedure": _change_function,
    "row_security": lambda old, new: _row_security(old),
    "sequence": lambda old, new: _sequence(old, "ALTER"),
    "type": _change_type,
}
