"""Lines of the catalog taken apart: columns, functions, settings, and what hangs on what. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from .catalog import definition_of, is_own, key_of, parts_of

# Kinds whose name has that of a table before it.
PARTS = frozenset({"column", "constraint", "trigger", "policy", "rule"})

# A storage parameter or option as the lines print it; nothing in it needs quotes.
_OPTIONS = r"[a-z_.]+='?[\w.+-]+'?(?:, [a-z_.]+='?[\w.+-]+'?)*"
_TABLE_SETTINGS = re.compile(rf" with \({_OPTIONS}\)$")
_COLUMN_SETTINGS = re.compile(
    r"(?: storage (?:plain|external|main|extended))?(?: compression (?:pglz|lz4))?(?: statistics \d+)?"
    rf"(?: with \({_OPTIONS}\))?$"
)
_INDEX_SETTINGS = re.compile(rf" WITH \({_OPTIONS}\)(?= WHERE | REPLICA | CLUSTER| INVALID|$)")
_VIEW_SETTINGS = re.compile(rf"^(materialized_view \S+) with \({_OPTIONS}\)")

# Settings whose value is a list of names, which proconfig keeps quoted; source: GUC_LIST_QUOTE in guc_tables.c.
_NAME_LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
})  # fmt: skip


def without_settings(line: str) -> str:
    """Returns a line without storage parameters, statistics targets and the like, which change no meaning.

    >>> without_settings("table orders with (fillfactor=70)")
    'table orders'
    >>> without_settings("column orders.note text not null storage external statistics 500")
    'column orders.note text not null'
    """
    kind = line.split(" ", 1)[0]
    match kind:
        case "table":
            return _TABLE_SETTINGS.sub("", line, count=1)
        case "column":
            return _COLUMN_SETTINGS.sub("", line, count=1)
        case "index":
            return _INDEX_SETTINGS.sub("", line, count=1).replace(" CLUSTER", "")
        case "materialized_view":
            return _VIEW_SETTINGS.sub(r"\1", line, count=1)
    return line


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
    text = definition_of(without_settings(line))
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
    r"|cost [\d.]+|rows [\d.]+))*)"
    r"(?P<settings>(?: set [\w.]+=.*?)*?) (?P<body>(?:as |BEGIN ATOMIC|RETURN ).*)",
    re.DOTALL,
)


def function_of(line: str) -> Function | None:
    """Returns the function that a line describes, its line breaks put back; None where it cannot be told.

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
    return f"{kind} {key_of(line)}" if kind in {"owner", "grant"} else key_of(line)


def hangs_on(line: str) -> Iterator[str]:
    """Yields the keys of what goes with its object when that goes: nearest first."""
    key = key_of(line)
    if is_own(line):
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
    elif kind == "statistics" and (of := re.search(r" FROM (.+?)(?: target \d+)?$", line)):
        yield f"table {of[1]}"
    elif kind == "publication_table":
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


def parents_in(lines: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Yields tables with those that they inherit from."""
    for line in lines:
        found = re.search(r" (?:partition of (\S+) (?:FOR VALUES|DEFAULT)|inherits \((.*?)\))", line)
        if found and line.startswith("table "):
            yield key_of(line).removeprefix("table "), [found[1]] if found[1] else found[2].split(", ")
