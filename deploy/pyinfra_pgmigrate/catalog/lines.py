"""The catalog of a database as a set of lines, and the words to talk about one line.

A line is ``kind identity definition``, for example::

    column project_roles.variant_name text not null default 'default'::text

Kind and identity together are its key: two lines of one key are two definitions of one object. The
lines are printed by ``sql/catalog.sql``; nothing here talks to a server.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

# Changes with what the lines say of the same structure: lines of another version say nothing about drift.
LINES_VERSION = 3

# Lines that belong to each database: compared on the same database, never with an effect.
OWN_KINDS = frozenset({"owner", "grant", "comment", "definition"})

# Ends the kinds of lines that say what is set beside the structure; the setting is part of the key.
SETTING = "_setting"

INVALID = " INVALID"

_OPENING = re.compile(r'["()]')

# What PostgreSQL prints otherwise once its own text was read again, from a dump; see catalog.sql.
_TEXT = r"E?'(?:[^']|'')*'::character varying(?:\(\d+\))?"
_CAST_LIST = re.compile(rf"(?P<open>\()?(?P<list>ARRAY\[{_TEXT}(?:, {_TEXT})*\])(?(open)\))::text\[\]")
_CAST_TEXT = re.compile(rf"(?:(?<=\[)|(?<=, ))(?P<open>\()?(?P<text>{_TEXT})(?(open)\))::text(?=, |\])")
_NAMED_NULL = re.compile(
    r"(?P<null>NULL::(?:(?P<type>\w+)(?:\([\d,]+\))?|[a-z ]+(?:\([\d,]+\))?[a-z ]*)(?:\[\])*)"
    r' AS "?(?:(?P=type)|int[248]|float[48]|bool|varchar|bpchar|varbit|time|timetz|timestamp|timestamptz)"?(?=[ ,)]|$)'
)


def as_read_again(line: str) -> str:
    """Returns a line as catalog.sql prints it now, where an older version printed what depends on how it was read.

    >>> as_read_again("constraint t.c CHECK (((s)::text = ANY ((ARRAY['a'::character varying])::text[])))")
    "constraint t.c CHECK (((s)::text = ANY (ARRAY['a'::character varying])))"
    >>> as_read_again("view v as SELECT id FROM t UNION ALL SELECT NULL::integer AS int4 FROM t")
    'view v as SELECT id FROM t UNION ALL SELECT NULL::integer FROM t'
    """
    if line.startswith(("view ", "materialized_view ")) and "NULL::" in line:
        line = _NAMED_NULL.sub(r"\g<null>", line)
    if "ARRAY[" not in line or "'::character varying" not in line:
        return line
    return _CAST_TEXT.sub(r"\g<text>", _CAST_LIST.sub(r"\g<list>", line))


def _word_end(text: str, start: int) -> int:
    """Returns the end of the word at ``start``: up to a space outside quotes and parentheses."""
    space = text.find(" ", start)
    end = len(text) if space < 0 else space
    # Nearly always: a large catalog has tens of thousands of lines, and character by character they take five times as
    # long.
    if not _OPENING.search(text, start, end):
        return end
    depth = 0
    quoted = False
    for position in range(start, len(text)):
        character = text[position]
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == " " and depth == 0:
            return position
    return len(text)


def _key_span(line: str) -> tuple[int, int]:
    start = line.index(" ") + 1 if is_own(line) else 0
    end = _word_end(line, line.index(" ", start) + 1)
    if line[start : line.index(" ", start)].endswith(SETTING):
        end = _word_end(line, end + 1)
    return start, end


def is_own(line: str) -> bool:
    """Tells whether a line belongs to each database: owner, grant, comment, full view text."""
    return line.split(" ", 1)[0] in OWN_KINDS


def key_of(line: str) -> str:
    """Returns kind and identity of a line; of an own line, those of the object that it is about.

    >>> key_of("column project_roles.variant_name text not null")
    'column project_roles.variant_name'
    >>> key_of('function "Rate"(uuid, date) (p uuid, d date) returns numeric')
    'function "Rate"(uuid, date)'
    >>> key_of("grant table projects app SELECT")
    'table projects'
    >>> key_of("column_setting projects.name statistics 500")
    'column_setting projects.name statistics'
    """
    start, end = _key_span(line)
    return line[start:end]


def definition_of(line: str) -> str:
    """Returns what a line says beyond its key; empty when the key says it all."""
    return line[_key_span(line)[1] + 1 :]


def parts_of(ident: str) -> tuple[str, str]:
    """Returns what stands before and after the last dot outside quotes.

    >>> parts_of('"a.b".c')
    ('"a.b"', 'c')
    """
    words = re.findall(r'"(?:[^"]|"")*"|[^.]+', ident)
    return ".".join(words[:-1]), words[-1]


def bare_name(ident: str) -> str:
    """Returns the last part of a name as it is in line, without quotes.

    >>> bare_name('other."a ""b"'), bare_name("projects")
    ('a "b', 'projects')
    """
    last = parts_of(unescaped(ident))[1]
    return last[1:-1].replace('""', '"') if last.startswith('"') else last


def qualified(ident: str, schema: str) -> str:
    """Returns the name of a relation with its schema, which lines leave out in the target schema.

    + ident: quoted as SQL needs it
    + schema: the target schema, not quoted

    >>> qualified("projects", "stage"), qualified('other."a.b"', "stage")
    ('"stage".projects', 'other."a.b"')
    """
    if parts_of(ident)[0]:
        return ident
    quoted = schema.replace('"', '""')
    return f'"{quoted}".{ident}'


# What ends a line or moves the text on a screen: in a line only as an escape, so that no name can forge one. The
# same characters as at the end of catalog.sql.
_CONTROLS = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LETTERS = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    r"""Returns a text as the lines write it.

    >>> print(escaped("a\\b\u2028c"))
    a\\b\u2028c
    """
    return _CONTROLS.sub(lambda found: _LETTERS.get(found[0], f"\\u{ord(found[0]):04x}"), text)


def unescaped(text: str) -> str:
    r"""Returns what stood there before it was written into a line.

    >>> unescaped(r"a\nb\\n\u2028")
    'a\nb\\n\u2028'
    """
    back = {escape: character for character, escape in _LETTERS.items()}
    return re.sub(
        r"\\(?:u([0-9a-f]{4})|.)",
        lambda found: chr(int(found[1], 16)) if found[1] else back.get(found[0], found[0]),
        text,
    )


def without_invalid(line: str) -> str:
    """Returns an index line as it would be, were the index valid."""
    return line.removesuffix(INVALID) if line.startswith("index ") else line


def matches(line: str, pattern: str) -> bool:
    """Tells whether a line fits a pattern in which ``*`` stands for any text and all else for itself.

    >>> matches("constraint groups.one_name UNIQUE (project_id, name)", "constraint groups.* UNIQUE *")
    True
    """
    return _pattern(pattern).fullmatch(line) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def like_pattern(pattern: str) -> str:
    """Returns the same pattern for SQL's LIKE."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


@dataclass(frozen=True)
class Patch:
    """What goes and what comes: a change to a catalog."""

    minus: frozenset[str] = frozenset()
    plus: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.minus or self.plus)

    def then(self, other: Patch) -> Patch:
        """Returns the one patch that does what this one and then ``other`` do."""
        return Patch(
            minus=(self.minus - other.plus) | (other.minus - self.plus),
            plus=(self.plus - other.minus) | (other.plus - self.minus),
        )

    @classmethod
    def of_all(cls, patches: Iterable[Patch]) -> Patch:
        """Returns the one patch that does what these do, one after the other."""
        minus: set[str] = set()
        plus: set[str] = set()
        for patch in patches:
            for line in patch.minus:
                (plus.discard if line in plus else minus.add)(line)
            for line in patch.plus:
                (minus.discard if line in minus else plus.add)(line)
        return cls(frozenset(minus), frozenset(plus))

    def render(self) -> list[str]:
        """Returns the lines as a reviewer reads them: what goes before what comes, each sorted."""
        return [f"- {line}" for line in sorted(self.minus)] + [f"+ {line}" for line in sorted(self.plus)]


@dataclass(frozen=True)
class Catalog:
    """The lines of one database at one moment."""

    lines: frozenset[str]

    @classmethod
    def of(cls, lines: Iterable[str]) -> Catalog:
        """Returns the catalog with these lines."""
        return cls(frozenset(lines))

    @cached_property
    def by_key(self) -> Mapping[str, tuple[str, ...]]:
        """The lines that are not own, by key."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for line in sorted(self.lines):
            if not is_own(line):
                found[key_of(line)].append(line)
        return {key: tuple(lines) for key, lines in found.items()}

    def of_key(self, key: str) -> tuple[str, ...]:
        """Returns the lines of an object that are not own."""
        return self.by_key.get(key, ())

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """The owning role of each object, by key, quoted as SQL would need it."""
        return {key_of(line): definition_of(line) for line in self.lines if line.startswith("owner ")}

    def patched(self, patch: Patch) -> Catalog:
        """Returns the catalog as it will be after the patch."""
        return Catalog((self.lines - patch.minus) | patch.plus)

    def difference(self, other: Catalog) -> Patch:
        """Returns the patch that leads from this catalog to the other."""
        return Patch(minus=self.lines - other.lines, plus=other.lines - self.lines)


class KnownLines:
    """The lines of a catalog by the object to which they belong, of which some are read again at a time.

    + keys: how many of the lines that are not own there are, by key
    """

    def __init__(self) -> None:
        self._of_home: dict[int, list[str]] = {}
        # Several objects may have the same line.
        self._counts: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def lines(self) -> Collection[str]:
        """All lines."""
        return self._counts.keys()

    def replace(self, homes: Collection[int] | None, found: Iterable[tuple[int, str]]) -> Patch:
        """Takes what was read again for what was known, and returns what is new about it.

        + homes: oids of the objects that were read; None: all
        + found: each line with the oid of its object
        """
        balance: Counter[str] = Counter()
        for home in list(self._of_home) if homes is None else homes:
            balance.subtract(self._of_home.pop(home, ()))
        for home, line in found:
            self._of_home.setdefault(home, []).append(line)
            balance[line] += 1
        before = {line: self._counts[line] for line in balance}
        self._counts.update(balance)
        minus = frozenset(line for line, count in before.items() if count and not self._counts[line])
        plus = frozenset(line for line, count in before.items() if not count and self._counts[line])
        for line in minus:
            del self._counts[line]
        self._count_keys(minus, -1)
        self._count_keys(plus, 1)
        return Patch(minus, plus)

    def _count_keys(self, lines: Iterable[str], more: int) -> None:
        for key in map(_key_unless_own, lines):
            if key:
                self.keys[key] += more
                if not self.keys[key]:
                    del self.keys[key]


@lru_cache(maxsize=1 << 16)
def _key_unless_own(line: str) -> str:
    return "" if is_own(line) else key_of(line)
