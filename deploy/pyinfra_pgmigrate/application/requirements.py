"""What a file of the application needs of a database: its header ``requires``, against the catalog. Pure.

Not every database that the migrations are for has all that one application has. A file whose objects were not there
before the first migration does not apply; where they were there and are not any more, it is asked all the same, and
fails.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.lines import is_own, key_of
from ..migrations.header import wrong_header
from ..registry.model import Observed

KEY = "requires"

# A word of the header, and the kinds of catalog lines that have such an object.
_KINDS = {
    "table": ("table",),
    "column": ("column",),
    "view": ("view", "materialized_view"),
    "function": ("function", "procedure", "aggregate"),
    "type": ("type",),
    "extension": ("extension",),
}
_EXPECTED = (
    '"table NAME", "column TABLE.COLUMN", "view NAME", "function NAME", "function NAME(TYPE, ...)", "type NAME" or '
    '"extension NAME", with a comma between two'
)

_PART = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\W\d][\w$]*)')
# Types as people write them, and as the catalog prints them; source: PostgreSQL 18 manual, "Data Types".
_TYPES = {
    "bool": "boolean",
    "char": "character",
    "decimal": "numeric",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
    "varbit": "bit varying",
    "varchar": "character varying",
}


@dataclass(frozen=True)
class Requirement:
    """One object that a file needs.

    + text: as the header has it; kind: its first word
    + name: its parts, without quotes
    + arguments: of a function, as the catalog prints them; None where any will do
    """

    text: str
    kind: str
    name: tuple[str, ...]
    arguments: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.text

    def is_in(self, keys: Iterable[str]) -> bool:
        """Tells whether one of the keys of catalog lines is that object."""
        starts = tuple(f"{kind} " for kind in _KINDS[self.kind])
        return any(
            key.startswith(starts) and self.name[-1] in key.replace('""', '"') and self._is(key.split(" ", 1)[1])
            for key in keys
        )

    def _is(self, ident: str) -> bool:
        if self.kind != "function":
            return _parts(ident) == self.name
        found = _function(ident)
        return found is not None and found[0] == self.name and self.arguments in (None, found[1])


def read_requirements(text: str, value: str | None, *, source: str) -> tuple[Requirement, ...]:
    """Returns what the header of a file says that it needs.

    + text: of the file; value: of the key ``requires``, None where it has none
    Raises PgMigrateError (file) for a word of another form, naming file and line.
    """
    found = []
    for item in () if value is None else _items(value):
        requirement = _read(item)
        if requirement is None:
            detail = f'Found requires "{item}"; expected {_EXPECTED}.'
            raise wrong_header(source, _line_of(text, item), detail)
        found.append(requirement)
    return tuple(found)


def lacking(requires: Collection[Requirement], seen: Observed) -> tuple[Requirement, ...]:
    """Returns what a file needs and a database has not, nor had before the first migration.

    Where nobody knows what was there before, a file is asked, and says itself what it lacks.
    """
    absent = [one for one in requires if not one.is_in(seen.catalog.by_key)]
    if not absent or seen.damaged:
        return ()
    if seen.registry is None:
        return tuple(absent)
    gone = seen.registry.gone_since_first
    if gone is None:
        return ()
    keys = {key_of(line) for line in gone if not is_own(line)}
    return tuple(one for one in absent if not one.is_in(keys))


def not_applicable(file: str, lacks: Sequence[Requirement]) -> str:
    """Returns the line for people about a file that does not apply.

    >>> not_applicable("totals/rates.sql", read_requirements("", "function rate, table rates", source="rates.sql"))
    'totals/rates.sql: not applicable here: no function rate (and 1 more)'
    """
    more = f" (and {len(lacks) - 1} more)" if len(lacks) > 1 else ""
    return f"{file}: not applicable here: no {lacks[0]}{more}"


def _read(item: str) -> Requirement | None:
    kind, _, rest = item.partition(" ")
    signature = _function(rest.strip())
    if kind not in _KINDS or signature is None or (signature[1] is not None and kind != "function"):
        return None
    name, arguments = signature
    # A table, and a schema before it.
    few, many = (2, 3) if kind == "column" else (1, 1 if kind == "extension" else 2)
    return Requirement(item, kind, name, arguments) if few <= len(name) <= many else None


def _parts(ident: str) -> tuple[str, ...] | None:
    """Returns the parts of a name without quotes, folded as PostgreSQL does; None of any other text."""
    parts: list[str] = []
    place = 0
    while found := _PART.match(ident, place):
        quoted, plain = found["quoted"], found["plain"]
        parts.append(plain.lower() if quoted is None else quoted.replace('""', '"'))
        if found.end() == len(ident):
            return tuple(parts)
        if ident[found.end()] != ".":
            return None
        place = found.end() + 1
    return None


def _function(ident: str) -> tuple[tuple[str, ...], tuple[str, ...] | None] | None:
    """Returns name and types of arguments; None for the latter where no parentheses follow, None of any other text."""
    start = next((place for place, character in _outside_quotes(ident) if character == "("), len(ident))
    name = _parts(ident[:start].rstrip())
    if name is None or (start < len(ident) and not ident.endswith(")")):
        return None
    return name, tuple(map(_type, _items(ident[start + 1 : -1]))) if start < len(ident) else None


def _type(text: str) -> str:
    words = " ".join(text.split())
    bare = words.removesuffix("[]")
    return words if '"' in words else _TYPES.get(bare.lower(), bare.lower()) + words[len(bare) :]


def _items(text: str) -> list[str]:
    """Returns what stands between the commas of a list, those in quotes and parentheses left alone."""
    items, depth, start = [], 0, 0
    for place, character in _outside_quotes(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            items.append(text[start:place])
            start = place + 1
    rest = text[start:]
    return [item.strip() for item in (items if not items and not rest.strip() else [*items, rest])]


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    quoted = False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted:
            yield place, character


def _line_of(text: str, item: str) -> int | None:
    """Returns the line of the header on which a word stands; of the key, where it goes on over the end of a line."""
    lines = list(enumerate(text.splitlines(), start=1))
    begins = next((number for number, line in lines if line.startswith(f"-- {KEY}:")), None)
    if begins is None:
        return None
    return next((number for number, line in lines if number >= begins and item in line), begins)
