"""What the operations of a generated history are written with: draws, names, and the list of operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from .model import (
    BUILT_IN,
    ODD_NAMES,
    PLAIN_NAMES,
    TEXTS,
    Column,
    Kind,
    Model,
    Table,
    Thing,
    literal,
    quoted,
)

One = TypeVar("One")

# Roles of the server that privileges go to; a migration cannot make roles.
ROLES = ("prop_reader", "prop writer")


@dataclass(frozen=True)
class Sql:
    """One statement.

    + alone: it cannot run in a transaction
    + what: the operation that wrote it
    """

    text: str
    alone: bool = False
    what: str = ""


Written = Iterator["str | Sql"]


@dataclass(frozen=True)
class Operation:
    """Writes statements; each is on the model once the server has taken it, which is when the iterator goes on."""

    name: str
    family: str
    weight: int
    write: Callable[[Pen], Written]


# In the order in which their modules were read, which is not the one to draw from.
KNOWN: list[Operation] = []


def operation(family: str, weight: int = 2) -> Callable[[Callable[[Pen], Written]], Callable[[Pen], Written]]:
    """Adds a function to the operations."""

    def add(write: Callable[[Pen], Written]) -> Callable[[Pen], Written]:
        KNOWN.append(Operation(write.__name__, family, weight, write))
        return write

    return add


@dataclass
class Pen:
    """Draws for one history.

    + random: whose seed Hypothesis draws: each history is then as likely as any other, which its own mutations are not

    + path: the search path within the current transaction
    + graves: statements that make dropped things again, with what puts them back into the model
    + later: what must wait for the next transaction, such as the use of a new label of an enum
    """

    random: Random
    model: Model = field(default_factory=Model)
    path: tuple[str, ...] = ("public",)
    graves: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    later: list[Callable[[], None]] = field(default_factory=list)
    number: int = 0
    version: int = 150000

    # Draws.

    def pick(self, options: Sequence[One]) -> One:
        """Returns one of several."""
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        """Tells whether something rare is due."""
        return self.random.randrange(100) < percent

    def whole(self, least: int, most: int) -> int:
        """Returns a whole number."""
        return self.random.randint(least, most)

    def some(self, options: Sequence[One], most: int = 3) -> list[One]:
        """Returns one to several of them, in the order of the options."""
        count = self.whole(1, min(most, len(options)))
        return [options[place] for place in sorted(self.random.sample(range(len(options)), count))]

    def count(self) -> int:
        """Returns a number that nobody has yet."""
        self.number += 1
        return self.number

    # Names.

    def name(self) -> str:
        """Returns a new name, sometimes one that needs quotes."""
        if self.chance(12):
            return f"{self.pick(ODD_NAMES)}{self.count()}" if self.chance(80) else self.fresh(ODD_NAMES)
        return f"{self.pick(PLAIN_NAMES)}_{self.count()}"

    def fresh(self, names: Sequence[str]) -> str:
        """Returns one of some names as it is, unless it is taken."""
        taken = {one.name for one in self.model.things}
        name = self.pick(names)
        return f"{name}{self.count()}" if name in taken else name

    def place(self) -> tuple[str, str, str]:
        """Returns schema and name for a new thing, and both as SQL writes them."""
        schema = self.pick(self.model.schemas) if self.chance(30) else self.path[0]
        others = [one.name for one in self.model.things if one.schema != schema]
        name = self.pick(others) if others and self.chance(5) else self.name()
        if schema == self.path[0] and not self.chance(15):
            return schema, name, quoted(name)
        return schema, name, f"{quoted(schema)}.{quoted(name)}"

    def ref(self, thing: Thing) -> str:
        """Returns how SQL names a thing here."""
        if not thing.schema:
            return thing.name
        is_visible = thing.schema in self.path and not self.model.is_ambiguous(thing)
        if is_visible and not self.chance(15):
            return quoted(thing.name)
        return f"{quoted(thing.schema)}.{quoted(thing.name)}"

    def sure(self, thing: Thing) -> str:
        """Returns its name with the schema, for text that is read elsewhere."""
        return f"{quoted(thing.schema)}.{quoted(thing.name)}"

    def type_of(self, kind: Kind) -> str:
        """Returns a type as SQL names it."""
        return self.ref(kind) if kind.is_own else kind.name

    # Choices.

    def text(self) -> str:
        """Returns a text constant."""
        return literal(self.pick(TEXTS))

    def role(self) -> str:
        """Returns a role to give something to."""
        return quoted(self.pick(ROLES)) if not self.chance(15) else "PUBLIC"

    def kind(self) -> Kind:
        """Returns a type for a column; the first few most often."""
        own = [one for one in self.model.kinds if one.values]
        if own and self.chance(35):
            return self.pick(own)
        return self.pick(BUILT_IN[:4]) if self.chance(50) else self.pick(BUILT_IN)

    def table(self, fits: Callable[[Table], bool] = lambda _: True) -> Table | None:
        """Returns a table that fits, or None."""
        found = [one for one in self.model.tables if fits(one)]
        return self.pick(found) if found else None

    def column(self, table: Table, fits: Callable[[Column], bool] = lambda _: True) -> Column | None:
        """Returns a column that fits, or None."""
        found = [one for one in table.columns if fits(one)]
        return self.pick(found) if found else None

    def value(self, column: Column) -> str:
        """Returns an expression for a value of a column."""
        if column.refers is not None:
            table, key = column.refers
            return f"(SELECT min({quoted(key.name)}) FROM {self.ref(table)})"
        if column.is_unique and column.kind.family == "number":
            return str(self.count())
        if column.is_unique and column.kind.family == "text":
            return f"'u{self.count()}'"
        if not column.not_null and self.chance(15):
            return "NULL"
        return self.constant(column.kind)

    def key(self, table: Table) -> str | None:
        """Returns a value for the first column that a partition of the table takes; None where that is any value."""
        root = table.parent if table.is_partition and table.parent is not None else table
        if not root.split:
            return None
        bounds = [one.bound for one in self.model.tables if one.parent is root]
        if not bounds:
            return None
        bound = table.bound if table.is_partition else self.pick(bounds)
        if root.split == "hash":
            return str(self.count())
        return {
            "FROM (MINVALUE) TO (0)": f"{-self.count()}",
            "FROM (0) TO (100000)": f"{self.count()}",
            "FROM (100000) TO (200000)": f"{100000 + self.count()}",
            "IN ('a', 'b')": "'a'",
            "IN ('c')": "'c'",
            "IN (NULL)": "NULL",
        }.get(bound, str(200000 + self.count()) if root.split == "range" else "'d'")

    def constant(self, kind: Kind) -> str:
        """Returns a constant of a type."""
        if kind.labels:
            return literal(self.pick(kind.labels))
        return self.pick(kind.values) if kind.values else "NULL"

    def bury(self, made: str, back: Callable[[], None]) -> None:
        """Remembers how to make again what was dropped."""
        if made:
            self.graves.append((made, back))
