"""How the kinds and names of catalog lines are written in SQL. Pure."""

from __future__ import annotations

import re

from .lines import key_of, parts_of

# How SQL calls a kind of line, where ALTER and DROP take its name alone.
WORDS = {
    "access_method": "ACCESS METHOD", "aggregate": "AGGREGATE", "cast": "CAST", "collation": "COLLATION",
    "conversion": "CONVERSION", "event_trigger": "EVENT TRIGGER", "extension": "EXTENSION",
    "foreign_data_wrapper": "FOREIGN DATA WRAPPER", "foreign_server": "SERVER", "function": "FUNCTION",
    "index": "INDEX", "language": "LANGUAGE", "materialized_view": "MATERIALIZED VIEW", "operator": "OPERATOR",
    "procedure": "PROCEDURE", "publication": "PUBLICATION", "schema": "SCHEMA", "sequence": "SEQUENCE",
    "statistics": "STATISTICS", "table": "TABLE", "text_search_configuration": "TEXT SEARCH CONFIGURATION",
    "text_search_dictionary": "TEXT SEARCH DICTIONARY", "text_search_parser": "TEXT SEARCH PARSER",
    "text_search_template": "TEXT SEARCH TEMPLATE", "type": "TYPE", "view": "VIEW",
}  # fmt: skip


def name_of(line: str) -> str:
    """Returns the name that a line gives its object, with schema or table."""
    return key_of(line).split(" ", 1)[1]


def place_of(line: str) -> tuple[str, str]:
    """Returns the table and the name of a part of it."""
    return parts_of(name_of(line))


def without_arguments(name: str) -> str:
    """Returns the name of a function without its arguments; a parenthesis within quotes belongs to a name.

    >>> without_arguments('s."f(x)"(integer, text)')
    's."f(x)"'
    """
    return re.sub(r'^((?:"(?:[^"]|"")*"|[^"(])*)\(.*$', r"\1", name, flags=re.DOTALL)


def literal(text: str) -> str:
    """Returns a text as an SQL literal."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def bare(name: str) -> str:
    """Returns a name without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def words(key: str) -> tuple[str, str, str]:
    """Returns the kind in SQL, the name and the setting of the key of a setting."""
    kind, rest = key.split(" ", 1)
    name, setting = rest.rsplit(" ", 1)
    return kind, name, setting
