"""A database as it grows: what a generated history has made so far, so that its next statement has something to act on.

It need not be exact. The server decides which statement is taken; what the model does not know makes one more that is
refused and left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")

# Words that cannot stand as a name without quotes.
_RESERVED = frozenset({"select", "user", "order", "table", "group", "check", "default", "end", "all", "limit"})

# Parts of names; what follows is a number.
PLAIN_NAMES = ("a", "note", "item", "price", "part", "owner_of", "log", "unit")
ODD_NAMES = (
    "select",
    "user",
    "order",
    "Mixed Case",
    "two words",
    "with.dot",
    'quo"te',
    "apostro'phe",
    "back\\slash",
    "Grüße",
    "名前",
    "semi;colon",
    ":colon",
    "100%",
    "$1",
    "a -- b",
    "/* c */",
    "comma, and (brackets)",
    "tab\there",
    " blank before",
    "=",
)

# Texts that a reader of files, of lines or of SQL could trip over.
TEXTS = (
    "plain",
    "it's",
    "back\\slash",
    "two\nlines",
    "carriage\r\nreturn",
    "tab\there",
    "semi;colon",
    "-- no comment",
    "/* none */",
    ":variable :'quoted' :\"name\"",
    "$$ $1 $body$",
    "100% of %I",
    "Grüße, 名前",
    "line\u2028separator\u0085next",
    "a   b",
    "",
    "NULL",
    "\\gexec",
    "{braces}",
    "null",
)


def quoted(name: str) -> str:
    """Returns a name as SQL writes it."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Returns a text constant."""
    if "\n" in text or "\r" in text or "\t" in text:
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return "E'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"
    return "'" + text.replace("'", "''") + "'"


@dataclass(eq=False)
class Thing:
    """Anything with a name in a schema.

    + made: the statement that made it, as it could be made again
    """

    schema: str
    name: str
    made: str = ""


@dataclass(eq=False)
class Kind(Thing):
    """A type; those of PostgreSQL itself have no schema.

    + values: constants of it
    + family: which operators it has
    """

    values: list[str] = field(default_factory=list)
    family: str = "other"
    labels: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    @property
    def is_own(self) -> bool:
        """Whether a migration made it."""
        return bool(self.schema)


@dataclass(eq=False)
class Column:
    """One column.

    + auto: who fills it: "" the INSERT, else "always", "by default", "serial", "stored"
    + is_unique: values must differ
    + refers: the table and column that it must be found in
    """

    name: str
    kind: Kind
    auto: str = ""
    is_unique: bool = False
    not_null: bool = False
    refers: tuple[Table, Column] | None = None
    has_default: bool = False
    in_use: int = 0


@dataclass(eq=False)
class Part:
    """What belongs to one table: an index, a constraint, a trigger, a policy, a rule, a statistics object.

    + kind: which of them; for constraints "check", "unique", "primary", "foreign", "exclude"
    """

    name: str
    kind: str
    made: str = ""
    columns: tuple[Column, ...] = ()
    is_valid: bool = True
    is_on: bool = True
    schema: str = ""
    more: str = ""


@dataclass(eq=False)
class Table(Thing):
    """A table.

    + split: how its partitions are told apart: "" for none, else "range", "list", "hash"
    + parent: of a partition or of a child by inheritance
    + slots: partition bounds that are still free
    """

    columns: list[Column] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    split: str = ""
    parent: Table | None = None
    is_partition: bool = False
    slots: list[str] = field(default_factory=list)
    bound: str = ""
    rows: bool = False
    has_rls: bool = False
    is_unlogged: bool = False

    def of(self, *kinds: str) -> list[Part]:
        """Returns its parts of some kinds."""
        return [part for part in self.parts if part.kind in kinds]

    @property
    def writable(self) -> list[Column]:
        """Columns that an UPDATE may set to any value of their type."""
        return [
            one
            for one in self.columns
            if not one.auto and not one.is_unique and one.refers is None and not self._is_key(one)
        ]

    def _is_key(self, column: Column) -> bool:
        root = self.parent if self.is_partition and self.parent is not None else self
        return bool(root.split) and column is root.columns[0]


@dataclass(eq=False)
class View(Thing):
    """A view or a materialized view."""

    is_materialized: bool = False
    table: Table | None = None
    columns: list[Column] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    is_filled: bool = True
    has_unique: bool = False
    condition: str = ""
    indexes: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Routine(Thing):
    """A function or procedure.

    + arguments: types as its signature has them
    + head: what stands between name and body
    """

    arguments: str = ""
    head: str = ""
    kind: str = "function"
    is_trigger: bool = False
    is_immutable: bool = False

    @property
    def takes_int(self) -> bool:
        """Whether it can be called with one integer."""
        return self.arguments == "integer" and self.kind == "function" and not self.is_trigger


@dataclass(eq=False)
class Sequence(Thing):
    """A sequence of its own."""


@dataclass
class Model:
    """All that is there.

    + graves: statements that make again what was dropped, with what to put back into the model
    """

    schemas: list[str] = field(default_factory=lambda: ["public"])
    tables: list[Table] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    routines: list[Routine] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)

    @property
    def things(self) -> list[Thing]:
        """Everything that has a name in a schema."""
        return [*self.tables, *self.views, *self.kinds, *self.routines, *self.sequences]

    def is_ambiguous(self, thing: Thing) -> bool:
        """Tells whether another schema has something of the same name."""
        return any(one.name == thing.name and one.schema != thing.schema for one in self.things)

    def forget_table(self, table: Table) -> None:
        """Takes a table away, with what falls with it."""
        gone = [one for one in self.tables if one is table or (one.is_partition and _is_below(one, table))]
        self.tables = [one for one in self.tables if one not in gone]
        self.views = [one for one in self.views if one.table not in gone]
        for one in self.tables:
            if one.parent in gone:
                one.parent = None
            for column in one.columns:
                if column.refers is not None and column.refers[0] in gone:
                    column.refers = None


def _is_below(table: Table, above: Table) -> bool:
    found = table.parent
    while found is not None:
        if found is above:
            return True
        found = found.parent
    return False


BUILT_IN = [
    Kind("", "integer", values=["0", "1", "-7", "2147483647"], family="number"),
    Kind("", "text", values=[literal(text) for text in TEXTS], family="text"),
    Kind("", "bigint", values=["0", "9007199254740993", "-1"], family="number"),
    Kind("", "boolean", values=["true", "false"], family="truth"),
    Kind("", "numeric(10,2)", values=["0", "1.50", "-99999.99"], family="number"),
    Kind("", "timestamptz", values=["'2000-01-01 00:00+00'", "'2026-06-30 23:59:59.123456+02'"], family="time"),
    Kind("", "date", values=["'2000-02-29'", "'2026-12-31'"], family="time"),
    Kind("", "varchar(40)", values=["'short'", "'it''s'", "'Grüße'"], family="text"),
    Kind("", "jsonb", values=["""'{"a": 1}'""", "'[]'", "'null'"], family="json"),
    Kind("", "uuid", values=["'00000000-0000-0000-0000-000000000001'"], family="other"),
    Kind("", "text[]", values=["'{}'", """'{a,"b c",NULL}'""", "ARRAY['x', 'it''s']"], family="array"),
    Kind("", "integer[]", values=["'{1,2,3}'", "'{}'"], family="array"),
    Kind("", "timestamp(3)", values=["'2026-01-01 12:00:00.5'"], family="time"),
    Kind("", "interval", values=["'1 day 2 hours'", "'-3 mons'"], family="time"),
    Kind("", "double precision", values=["0.1", "1e300", "'NaN'"], family="number"),
    Kind("", "smallint", values=["1", "-32768"], family="number"),
    Kind("", "bytea", values=[r"'\x00ff'", r"'\x'"], family="other"),
    Kind("", "inet", values=["'10.0.0.1'", "'::1/64'"], family="other"),
    Kind("", "int4range", values=["'[1,5)'", "'empty'", "'(,3)'"], family="range"),
    Kind("", "tstzrange", values=["'[2026-01-01 00:00+00,2026-02-01 00:00+00)'"], family="range"),
    Kind("", "bit(3)", values=["B'101'"], family="other"),
    Kind("", "char(5)", values=["'ab'", "'c'"], family="text"),
    Kind("", "time", values=["'12:34:56'"], family="time"),
    Kind("", "xml", values=["'<a/>'"], family="xml"),
    Kind("", "point", values=["'(1,2)'"], family="shape"),
    Kind("", "tsvector", values=["'a b'"], family="other"),
    Kind("", "name", values=["'n'"], family="text"),
    Kind("", '"char"', values=["'x'"], family="other"),
    Kind("", "int4multirange", values=["'{[1,2),[5,8)}'"], family="other"),
]
INTEGER, TEXT = BUILT_IN[0], BUILT_IN[1]
BIGINT = BUILT_IN[2]
BOOLEAN = BUILT_IN[3]
