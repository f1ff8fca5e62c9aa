"""Lines of the catalog taken apart: columns, functions, settings, and what depends on what. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ..sqltext.unique_rules import UniqueRule, unique_rule_of_constraint, unique_rule_of_index
from .lines import SETTING, definition_of, is_own, key_of, parts_of

# Kinds whose name has that of a table before it.
PARTS = frozenset({"column", "constraint", "trigger", "policy", "rule"})

# Settings whose value is a list of names, which proconfig keeps quoted; source: GUC_LIST_QUOTE in guc_tables.c.
_NAME_LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
})  # fmt: skip


# Settings that mean something: what a subscriber can tell rows by, what an INSERT into a view fills in.
_MEANING = frozenset({"replica_identity", "default"})


def is_setting(line: str) -> bool:
    """Tells whether a line says what is set beside the structure and changes no meaning of it.

    >>> is_setting("table_setting orders fillfactor 70"), is_setting("view_setting orders security_invoker true")
    (True, False)
    """
    kind = kind_of(line)
    return kind.endswith(SETTING) and kind != "view_setting" and key_of(line).rsplit(" ", 1)[1] not in _MEANING


def is_property(line: str) -> bool:
    """Tells whether a line says something of an object that has a line of its own."""
    kind = kind_of(line)
    return kind.endswith(SETTING) or kind in {"identity", "trigger_state", "definition"}


# Kinds of what is in no schema.
_WITHOUT_SCHEMA = frozenset({
    "access_method", "cast", "event_trigger", "extension", "foreign_data_wrapper", "foreign_server", "language",
    "publication", "publication_schema", "publication_table", "schema", "transform",
})  # fmt: skip
_NAME = r'(?:"(?:[^"]|"")*"|[^\s".(]+)'
_NAMES = re.compile(rf"{_NAME}(?:\.{_NAME})*")


def is_elsewhere(line: str) -> bool:
    """Tells whether a line is about something that is in no schema, or in another one than the target schema.

    >>> [is_elsewhere(one) for one in ("table a", 'column a."b.c" text', "index i CREATE INDEX i ON a (f(b))")]
    [False, False, False]
    >>> [is_elsewhere(one) for one in ("table x.a", "column x.a.b text", "function x.f(integer)", "extension e")]
    [True, True, True, True]
    """
    kind = kind_of(line)
    if kind in _WITHOUT_SCHEMA:
        return True
    found = _NAMES.match(key_of(line).partition(" ")[2])
    is_part = kind.removesuffix(SETTING) in PARTS or kind in {"identity", "trigger_state"}
    return found is not None and len(re.findall(_NAME, found[0])) > (2 if is_part else 1)


def is_harmless(line: str) -> bool:
    """Tells whether a line is about people only: a comment."""
    return is_own(line) and line.startswith("comment ")


@dataclass(frozen=True)
class Column:
    """A column as its line describes it.

    + identity: ``always``, ``by default`` or empty
    + generated: its expression, and how: ``stored`` or ``virtual``
    """

    type: str
    collation: str = ""
    not_null: bool = False
    identity: str = ""
    generated: str = ""
    how: str = ""
    default: str = ""


_COLUMN = re.compile(
    r"(?P<type>.+?)(?: collate (?P<collation>\S+))?(?P<not_null> not null)?"
    r"(?: generated (?P<identity>always|by default) as identity"
    r"| generated always as \((?P<generated>.*)\) (?P<how>stored|virtual)"
    r"| default (?P<default>.*))?"
)


def column_of(line: str) -> Column:
    """Returns the column that a line describes.

    >>> column = column_of("column t.c timestamp with time zone not null default now()")
    >>> column.type, column.not_null, column.default
    ('timestamp with time zone', True, 'now()')
    """
    text = definition_of(line)
    found = _COLUMN.fullmatch(text)
    if found is None:
        return Column(text)
    parts = {name: value or "" for name, value in found.groupdict().items()}
    return Column(**{**parts, "not_null": bool(parts["not_null"])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class FunctionSetting:
    """A setting that a function brings, with its value as SQL writes it."""

    name: str
    sql: str


@dataclass(frozen=True)
class Function:
    """A function or procedure as its line describes it.

    + returns: empty for a procedure; attributes: as SQL writes them, each with a space in front
    + body: ``as`` and the text, or the standard SQL body itself
    """

    arguments: str
    returns: str
    language: str
    attributes: str
    settings: tuple[FunctionSetting, ...]
    body: str


_FUNCTION = re.compile(
    r"(?: returns (?P<returns>.+?))? language (?P<language>\S+)"
    r"(?P<attributes>(?: (?:window|immutable|stable|strict|security definer|leakproof|parallel safe|parallel restricted"
    r"|cost [\d.]+|rows [\d.]+|support \S+|transform for type .+?(?= set | as | BEGIN | RETURN )))*)"
    r"(?P<settings>(?: set [\w.]+=.*?)*?) (?P<body>(?:as |BEGIN ATOMIC|RETURN ).*)",
    re.DOTALL,
)


def function_of(line: str) -> Function | None:
    """Returns the function that a line describes; None where it cannot be told.

    >>> line = "function f(integer) (a integer) returns text language sql stable set search_path=a, b as SELECT 1"
    >>> found = function_of(line)
    >>> found.arguments, found.returns, found.attributes, found.settings[0].sql, found.body
    ('a integer', 'text', ' stable', 'a, b', 'as SELECT 1')
    """
    text = definition_of(line)
    end = _closing(text)
    found = _FUNCTION.fullmatch(text[end + 1 :]) if text.startswith("(") else None
    if found is None:
        return None
    settings = []
    for one in re.split(r" set (?=[\w.]+=)", found["settings"])[1:]:
        name, value = one.split("=", 1)
        escaped = value.replace("'", "''")
        settings.append(FunctionSetting(name, value if name in _NAME_LISTS else f"'{escaped}'"))
    return Function(
        text[1:end], found["returns"] or "", found["language"], found["attributes"], tuple(settings), found["body"]
    )


def _closing(text: str) -> int:
    """Returns the place of the parenthesis that closes the first one, quotes left aside."""
    depth = 0
    quote = ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return place
    return len(text)


def table_of(line: str) -> str:
    """Returns the table of an index line, as the line writes it."""
    found = re.search(r' INDEX (?:"(?:[^"]|"")+"|\S+) ON (?:ONLY )?((?:"(?:[^"]|"")+"|[^\s"])+) USING ', line)
    return found[1] if found else ""


def kind_of(line: str) -> str:
    """Returns the first word of a line or key."""
    return line.split(" ", 1)[0]


def subject_of(line: str) -> str:
    """Returns what a line is about: the object, or owner, or right of it."""
    kind = kind_of(line)
    if kind.startswith("constraint_"):
        return key_of(line).replace(kind, "constraint", 1)
    if kind == "identity":
        return key_of(line).replace(kind, "column", 1)
    if kind == "trigger_state":
        return key_of(line).replace(kind, "trigger", 1)
    if kind.endswith(SETTING):
        return key_of(line).rsplit(" ", 1)[0].replace(kind, kind.removesuffix(SETTING), 1)
    return f"{kind} {key_of(line)}" if kind in {"owner", "grant"} else key_of(line)


def hangs_on(line: str) -> Iterator[str]:
    """Yields the keys of what goes with its object when that goes: nearest first."""
    key = key_of(line)
    if is_own(line):
        yield key
    if kind_of(key).endswith(SETTING) or kind_of(key) in {"identity", "trigger_state"}:
        key = subject_of(key)
        yield key
    kind, name = key.split(" ", 1)
    if kind in PARTS or kind.startswith("constraint_"):
        yield from (f"{one} {parts_of(name)[0]}" for one in ("type", "view", "materialized_view", "table"))
    elif kind == "row_security":
        yield f"table {name}"
    elif kind == "index":
        table = table_of(line)
        yield from (f"materialized_view {table}", f"table {table}")
    elif kind == "sequence" and (owned := re.search(r" owned by (.+)$", line)):
        yield from (f"column {owned[1]}", f"table {parts_of(owned[1])[0]}")
    elif kind == "statistics" and (of := re.search(r" FROM (.+?)$", line)):
        yield f"table {of[1]}"
    elif kind in {"publication_table", "publication_schema"}:
        publication, _, table = name.partition(".")
        yield from (f"publication {publication}", f"table {table}")


def renaming(kind: str, old: str, new: str) -> Callable[[str], str] | None:
    """Returns what puts the new name in the place of the old one, into a line; None where that cannot be.

    + kind: of the object; old, new: its keys
    """
    was, now = old.split(" ", 1)[1], new.split(" ", 1)[1]
    if kind in PARTS:
        (table, was), (other, now) = parts_of(was), parts_of(now)
        if table != other:
            return None
    elif kind in {"function", "procedure"}:
        (was, arguments), (now, others) = (one.split("(", 1) for one in (was, now))
        if arguments != others:
            return None
    elif kind == "index":
        # The definition names it without its schema.
        was, now = parts_of(was)[1], parts_of(now)[1]
    before = r'(?<![\w"$.])' if kind in {"table", "view", "materialized_view", "sequence", "type"} else r'(?<![\w"$])'
    word = re.compile(before + re.escape(was) + r'(?![\w"$])')
    return lambda line: word.sub(lambda _: now, line)


# The name of a relation, with or without its schema, within a line.
IDENT = r'(?:"(?:[^"]|"")*"|[^\s",()])+'
_PARENTS = re.compile(rf" (?:partition of ({IDENT}) (?:FOR VALUES|DEFAULT)|inherits \(({IDENT}(?:, {IDENT})*)\))")


def parents_in(lines: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Yields tables with those that they inherit from."""
    for line in lines:
        if line.startswith("table ") and (found := _PARENTS.search(line)):
            yield (
                key_of(line).removeprefix("table "),
                [found[1]] if found[1] else re.findall(IDENT, found[2]),
            )


def ancestors(table: str, parents: Mapping[str, Collection[str]]) -> list[str]:
    """Returns the tables that a table inherits from, and those that these do, each once."""
    found: list[str] = []
    for one in parents.get(table, ()):
        found += [other for other in (one, *ancestors(one, parents)) if other not in found]
    return found


def columns_of(lines: Collection[str]) -> dict[str, dict[str, str]]:
    """Returns the columns of each table with their definitions, those that it has from a parent included.

    >>> columns_of(["table p", "column p.a text", "table c partition of p DEFAULT", "column c.b integer"])["c"]
    {'a': 'text', 'b': 'integer'}
    """
    own: dict[str, dict[str, str]] = {}
    for line in sorted(lines):
        if line.startswith("column "):
            table, column = parts_of(key_of(line).removeprefix("column "))
            own.setdefault(table, {})[column] = definition_of(line)
    parents = dict(parents_in(lines))

    def whole(table: str, seen: frozenset[str] = frozenset()) -> dict[str, str]:
        found: dict[str, str] = {}
        for parent in parents.get(table, ()):
            if parent not in seen:
                for name, definition in whole(parent, seen | {table}).items():
                    # An identity is the parent's alone.
                    found[name] = definition.partition(" generated always as identity")[0].partition(
                        " generated by default as identity"
                    )[0]
        return found | own.get(table, {})

    return {table: dict(sorted(whole(table).items())) for table in own.keys() | parents.keys()}


def unique_rule(line: str) -> UniqueRule | None:
    """Returns the unique rule that a line states; None of any other line.

    >>> unique_rule("constraint groups.one_name UNIQUE (project_id, name)").constraint
    'one_name'
    """
    definition = definition_of(line)
    if line.startswith("index ") and definition.startswith("CREATE UNIQUE INDEX "):
        return unique_rule_of_index(definition)
    if line.startswith("constraint ") and definition.startswith(("UNIQUE ", "PRIMARY KEY ")):
        table, name = parts_of(key_of(line).removeprefix("constraint "))
        return unique_rule_of_constraint(table, name, definition)
    return None
