"""SQL that leads from a catalog line as it is found to the line as it should be. Pure: text for people to run.

Each function returns statements, the escapes of the lines still in them, or None for what a line does not tell how to
make; ``joined`` makes a text of them. Nothing here is run by the library. Names mean what they mean in the lines:
without a schema they are in ``pg_schema``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from .grants import grants_back, own_back
from .lines import INVALID, SETTING, definition_of, key_of, parts_of, unescaped
from .names import WORDS, name_of, place_of, without_arguments, words
from .parts import Column, column_of, function_of

_TRIGGER_STATES = {
    " DISABLED": "DISABLE TRIGGER",
    " ENABLED ALWAYS": "ENABLE ALWAYS TRIGGER",
    " ENABLED REPLICA": "ENABLE REPLICA TRIGGER",
}
RULE_STATES = {"D": "DISABLE RULE", "A": "ENABLE ALWAYS RULE", "R": "ENABLE REPLICA RULE"}
_STATISTICS = {"d": "ndistinct", "f": "dependencies", "m": "mcv"}

Statements = list[str] | None


def joined(statements: Iterable[str]) -> str:
    """Returns statements as one text, each with its semicolon, and what lines write as escapes put back."""
    return "\n".join(unescaped(one if one.endswith((";", "lost")) else f"{one};") for one in statements)


def together(statements: Statements) -> Statements:
    """Returns statements that leave a hole between them as one transaction."""
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
    found = None
    if kind.endswith(SETTING):
        found = set_setting(line)
    elif kind == "constraint":
        found = [alter_constraint(line, domains, f"ADD CONSTRAINT {place_of(line)[1]} {definition_of(line)}")]
    elif kind in _MAKERS:
        found = _MAKERS[kind](line)
    if found is None:
        return None
    owners = [one for one in lines if one.startswith("owner ")]
    return found + [own_back(one) for one in owners] + grants_back(lines, owners)


def _make_column(line: str) -> Statements:
    table, name = place_of(line)
    return [f"ALTER TABLE {table} ADD COLUMN {name} {column_sql(column_of(line))}"]


def column_sql(column: Column) -> str:
    """Returns type, default and the like as SQL writes them."""
    parts = [column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) {column.how.upper()}")
    if column.default:
        parts.append(f"DEFAULT {column.default}")
    if column.not_null:
        parts.append("NOT NULL")
    return " ".join(parts)


def make_index(line: str) -> Statements:
    """Returns what makes an index again, without a lock that keeps a writer out where that can be."""
    text = definition_of(line).removesuffix(INVALID)
    if " ON ONLY " in text:
        # Of a partitioned table: made for all its partitions, and not CONCURRENTLY.
        made = text.replace(" ON ONLY ", " ON ", 1)
    else:
        made = re.sub(r"^CREATE (UNIQUE )?INDEX ", r"CREATE \1INDEX CONCURRENTLY ", text)
    return [made]


def set_setting(line: str) -> Statements:
    """Returns what sets what a line says is set."""
    kind, name, setting = words(key_of(line))
    value = definition_of(line)
    if kind == "column_setting" and setting == "default":
        view, column = parts_of(name)
        return [f"ALTER VIEW {view} ALTER COLUMN {column} SET DEFAULT {unescaped(value)}"]
    if kind == "column_setting" or setting in {"cluster", "target"} or setting.startswith("statistics."):
        return None
    if setting == "replica_identity":
        way = value.upper() if value in {"full", "nothing"} else f"USING INDEX {value}"
        return [f"ALTER TABLE {name} REPLICA IDENTITY {way}"]
    word = WORDS.get(kind.removesuffix(SETTING))
    return None if word is None else [f"ALTER {word} {name} SET ({setting} = '{value}')"]


def reset_setting(line: str) -> Statements:
    """Returns what takes back what a line says is set."""
    kind, name, setting = words(key_of(line))
    if setting == "replica_identity":
        return [f"ALTER TABLE {name} REPLICA IDENTITY DEFAULT"]
    if kind == "column_setting" and setting == "default":
        view, column = parts_of(name)
        return [f"ALTER VIEW {view} ALTER COLUMN {column} DROP DEFAULT"]
    if kind == "column_setting" or setting in {"cluster", "target"} or setting.startswith("statistics."):
        return None
    word = WORDS.get(kind.removesuffix(SETTING))
    return None if word is None else [f"ALTER {word} {name} RESET ({setting})"]


def alter_constraint(line: str, domains: Collection[str], action: str) -> str:
    """Returns an action on the table, or domain, of a constraint."""
    table = place_of(line)[0]
    return f"ALTER {'DOMAIN' if table in domains else 'TABLE'} {table} {action}"


def trigger_state(line: str) -> tuple[str, str]:
    """Returns the text of a trigger without its state, and the action that brings the state."""
    text = definition_of(line)
    for suffix, action in _TRIGGER_STATES.items():
        if text.endswith(suffix):
            return text.removesuffix(suffix), action
    return text, "ENABLE TRIGGER"


def make_trigger(line: str) -> Statements:
    """Returns what makes a trigger again, switched on or off as it was."""
    table, name = place_of(line)
    text, action = trigger_state(line)
    return [text] + ([] if action == "ENABLE TRIGGER" else [f"ALTER TABLE {table} {action} {name}"])


def _make_policy(line: str) -> Statements:
    table, name = place_of(line)
    return [f"CREATE POLICY {name} ON {table} AS {definition_of(line)}"]


def set_row_security(line: str) -> Statements:
    """Returns what switches row security of a table to what its line says."""
    words = definition_of(line).split()
    enabled = "ENABLE" if "enabled" in words else "DISABLE"
    forced = "FORCE" if "forced" in words else "NO FORCE"
    return [f"ALTER TABLE {name_of(line)} {enabled} ROW LEVEL SECURITY, {forced} ROW LEVEL SECURITY"]


def make_function(line: str) -> Statements:
    """Returns what makes a function or procedure what its line says, whether it is there or not."""
    found = function_of(line)
    if found is None or found.language in ("c", "internal"):
        # What such a line says of it are the names of a library and a symbol.
        return None
    kind = key_of(line).split(" ", 1)[0].upper()
    name = without_arguments(name_of(line))
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


def make_view(line: str, settings: Collection[str] = ()) -> Statements:
    """Returns what makes a view again.

    + settings: lines of what is set for it
    """
    kind, name = key_of(line).split(" ", 1)
    options = ", ".join(f"{words(key_of(one))[2]} = {definition_of(one)}" for one in sorted(settings))
    word = "CREATE MATERIALIZED VIEW" if kind == "materialized_view" else "CREATE OR REPLACE VIEW"
    text = definition_of(line).removeprefix("as ")
    return [f"{word} {name}{f' WITH ({options})' if options else ''} AS {text}"]


def make_rule(line: str) -> Statements:
    """Returns what makes a rule again, switched on or off as it was."""
    table, name = place_of(line)
    state = re.search(r" enabled ([DAR])$", line)
    made = re.sub(r"^CREATE RULE", "CREATE OR REPLACE RULE", re.sub(r" enabled [DAR]$", "", definition_of(line)))
    return [made, f"ALTER TABLE {table} {RULE_STATES[state[1]] if state else 'ENABLE RULE'} {name}"]


def set_sequence(line: str, word: str) -> Statements:
    """Returns what makes or alters a sequence.

    + word: CREATE or ALTER
    """
    found = re.match(
        r"as (\w+) start (-?\d+) increment (-?\d+) minvalue (-?\d+) maxvalue (-?\d+) cache (\d+)( cycle)?"
        r"( unlogged)?(?: owned by (.+))?$",
        definition_of(line),
    )
    if found is None:
        return None
    kind, start, step, least, most, cache, cycle, unlogged, owned = found.groups()
    made = f"{word} UNLOGGED" if unlogged and word == "CREATE" else word
    return [
        f"{made} SEQUENCE {name_of(line)} AS {kind} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} "
        f"START WITH {start} CACHE {cache} {'CYCLE' if cycle else 'NO CYCLE'} OWNED BY {owned or 'NONE'}"
    ]


def _make_type(line: str) -> Statements:
    kind, _, rest = definition_of(line).partition(" ")
    match kind:
        case "enum":
            return [f"CREATE TYPE {name_of(line)} AS ENUM {rest}"]
        case "composite":
            return [f"CREATE TYPE {name_of(line)} AS {rest}"]
        case "range":
            return [f"CREATE TYPE {name_of(line)} AS RANGE {rest}"]
        case "domain":
            return [f"CREATE DOMAIN {name_of(line)} AS {rest}"]
    return None


def _make_statistics(line: str) -> Statements:
    found = re.match(r"\(([^)]*)\) (ON .+)$", definition_of(line))
    if found is None:
        return None
    kinds = [_STATISTICS[one] for one in found[1].split(", ") if one in _STATISTICS]
    return [f"CREATE STATISTICS {name_of(line)}{' (' + ', '.join(kinds) + ')' if kinds else ''} {found[2]}"]


def _publication_table(line: str) -> tuple[str, str]:
    found = re.match(r'("(?:[^"]|"")+"|[^.]+)\.(.+)', name_of(line))
    return (found[1], found[2]) if found else (name_of(line), "")


def _make_collation(line: str) -> Statements:
    if "\\" in definition_of(line):
        # Rules of characters that a line writes as escapes.
        return None
    options = []
    for name, value in re.findall(
        r"(provider|locale|lc_collate|lc_ctype|rules) ('(?:[^']|'')*'|\w+)", definition_of(line)
    ):
        options.append(f"{name} = {value}")
    if line.endswith(" not deterministic"):
        options.append("deterministic = false")
    return [f"CREATE COLLATION {name_of(line)} ({', '.join(options)})"]


def _make_operator(line: str) -> Statements:
    name, _, arguments = name_of(line).partition("(")
    left, _, right = arguments.removesuffix(")").rpartition(", ")
    function = re.match(r"(.+?)\(", definition_of(line))
    if function is None or len(definition_of(line).split(") ")) > 1:
        # It has more than a function.
        return None
    sides = [f"{side}ARG = {one}" for side, one in (("LEFT", left), ("RIGHT", right)) if one != "NONE"]
    return [f"CREATE OPERATOR {name} ({', '.join([*sides, f'FUNCTION = {function[1]}'])})"]


def _make_publication_table(line: str) -> Statements:
    publication, table = _publication_table(line)
    found = re.match(r"(?:where (.+?))?(?: ?columns (\(.+\)))?$", definition_of(line))
    where, columns = found.groups() if found else (None, None)
    return [
        f"ALTER PUBLICATION {publication} ADD TABLE {table}{f' {columns}' if columns else ''}"
        f"{f' WHERE ({where})' if where else ''}"
    ]


_MAKERS: Mapping[str, Callable[[str], Statements]] = {
    "schema": lambda line: [f"CREATE SCHEMA {name_of(line)}"],
    "extension": lambda line: [f"CREATE EXTENSION {name_of(line)}"],
    "type": _make_type,
    "sequence": lambda line: set_sequence(line, "CREATE"),
    "column": _make_column,
    "index": make_index,
    "view": make_view,
    "materialized_view": make_view,
    "rule": make_rule,
    "trigger": make_trigger,
    "policy": _make_policy,
    "row_security": set_row_security,
    "function": make_function,
    "procedure": make_function,
    "statistics": _make_statistics,
    "publication_table": _make_publication_table,
    "publication_schema": lambda line: [
        "ALTER PUBLICATION {} ADD TABLES IN SCHEMA {}".format(*_publication_table(line))
    ],
    "collation": _make_collation,
    "operator": _make_operator,
    "cast": lambda line: (
        [f"CREATE CAST {name_of(line)} {definition_of(line).upper()}"]
        if "function" not in line
        else [f"CREATE CAST {name_of(line)} {definition_of(line)}"]
    ),
}


# Taking away what is there and should not be.


def drop(line: str, domains: Collection[str] = ()) -> Statements:
    """Returns what takes away the object of a line, which stands for it and what depends on it."""
    kind = line.split(" ", 1)[0]
    table, name = place_of(line)
    match kind:
        case "column":
            return [f"ALTER TABLE {table} DROP COLUMN {name}"]
        case "constraint":
            return [alter_constraint(line, domains, f"DROP CONSTRAINT {name}")]
        case "trigger" | "policy" | "rule":
            return [f"DROP {kind.upper()} {name} ON {table}"]
        case "row_security":
            return [f"ALTER TABLE {name_of(line)} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"]
        case "index" if " ON ONLY " not in line:
            return [f"DROP INDEX CONCURRENTLY {name_of(line)}"]
        case "publication_table":
            return ["ALTER PUBLICATION {} DROP TABLE {}".format(*_publication_table(line))]
        case "publication_schema":
            return ["ALTER PUBLICATION {} DROP TABLES IN SCHEMA {}".format(*_publication_table(line))]
        case "operator_class" | "operator_family":
            name, _, method = name_of(line).removesuffix(")").rpartition("(")
            return [f"DROP {kind.replace('_', ' ').upper()} {name} USING {method}"]
        case "identity":
            return None
        case _ if kind.endswith(SETTING):
            return reset_setting(line)
        case "table" if definition_of(line).startswith("foreign "):
            return [f"DROP FOREIGN TABLE {name_of(line)}"]
        case _ if kind in WORDS:
            return [f"DROP {WORDS[kind]} {name_of(line)}"]
    return None


def rename(kind: str, found: str, expected: str, domains: Collection[str] = ()) -> Statements:
    """Returns what gives an object its name back.

    + found, expected: as in a key; parts of a table with the table
    + domains: as in ``make``
    """
    if kind in {"column", "constraint", "trigger", "policy"}:
        (table, now), (_, name) = parts_of(found), parts_of(expected)
        if kind in {"trigger", "policy"}:
            return [f"ALTER {kind.upper()} {now} ON {table} RENAME TO {name}"]
        return [f"ALTER {'DOMAIN' if table in domains else 'TABLE'} {table} RENAME {kind.upper()} {now} TO {name}"]
    name = parts_of(without_arguments(expected))[1]
    return [f"ALTER {WORDS[kind]} {found} RENAME TO {name}"]


# Owner and rights.
