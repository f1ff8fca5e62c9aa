"""What runs in one transaction: migrations and rollbacks cut into steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from ..catalog.lines import Patch, key_of, parts_of, unescaped
from ..migrations.effect import Lock, StatementEffect
from ..migrations.files import Migration
from ..migrations.remade import Remade
from ..planning.decision import Action, Decision
from ..psql.script import items
from ..sqltext.lock_modes import sql_name
from ..sqltext.parser import WRITES_ROWS, Statement

# As many statements that only write rows as are run without anything between them. What is asked after each of them
# takes ten times as long as to insert a row (measured, PostgreSQL 18).
_FEWEST_IN_A_ROW, _MOST_IN_A_ROW = 20, 1000


@dataclass(frozen=True)
class Around:
    """What a step does besides its statements, as parts of a script.

    + before, after: its statements, in their transaction
    + register: instead of the row of an applied migration
    + sets_aside: the damaged registry, to make another one
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    register: str
    sets_aside: bool = False


@dataclass(frozen=True)
class Step:
    """What runs in one transaction, or one statement that cannot run in one, or nothing but a registry row.

    + statements: none for a migration that is adopted or only verified
    + present, absent: lines of the migration as they must be found
    + is_last: the migration holds after this step
    + ends_run: the run has nothing more to do on this database
    + around: what a rollback does besides its statements; None for a migration
    """

    decision: Decision
    statements: tuple[Statement, ...]
    present: frozenset[str]
    absent: frozenset[str]
    is_last: bool
    ends_run: bool = False
    around: Around | None = None

    @property
    def title(self) -> str:
        """What it is, for messages."""
        return f'{"migration" if self.around is None else "rollback script"} "{self.migration.name}"'

    @property
    def migration(self) -> Migration:
        """The migration that it belongs to."""
        return self.decision.migration

    @cached_property
    def effects(self) -> tuple[StatementEffect, ...]:
        """What its statements were recorded to do."""
        return tuple(self.migration.effect_of(statement) for statement in self.statements)

    @cached_property
    def patch(self) -> Patch:
        """What it does as a whole."""
        return Patch.of_all(effect.patch for effect in self.effects)

    @cached_property
    def own_objects(self) -> frozenset[str]:
        """Keys of the objects whose owner, grants and comments its migration may change."""
        effects = () if self.migration.effect is None else self.migration.effect.statements
        made = {key_of(line) for effect in effects for line in effect.patch.minus | effect.patch.plus}
        return frozenset(made.union(*(effect.touches for effect in effects)))

    @property
    def own_numbers(self) -> frozenset[int]:
        """The statements that it runs."""
        return frozenset(statement.number for statement in self.statements)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The statements that its event names: the last one speaks for the whole migration."""
        if self.is_last:
            return self.decision.statements
        return tuple(statement.number for statement in self.statements)

    @cached_property
    def in_transaction(self) -> bool:
        """Whether its statements run in one transaction with their registry row."""
        return all(statement.in_transaction for statement in self.statements) and not self.in_batches

    @property
    def is_whole(self) -> bool:
        """Whether all of its migration runs in it, none of which has run before."""
        return self.decision.action is Action.APPLY and self.is_last and self.statements == self.migration.statements

    @property
    def in_batches(self) -> bool:
        """Whether its statement is run again and again, a transaction each."""
        return bool(self.statements) and self.migration.header.in_batches

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The locks on tables that keep a writer or another structure change out, each once."""
        found = dict.fromkeys(
            lock for effect in self.effects for lock in effect.locks if sql_name(lock.mode) is not None
        )
        return tuple(found)

    @cached_property
    def traced(self) -> frozenset[str]:
        """The tables on which it takes a lock of any kind."""
        return frozenset(lock.relation for effect in self.effects for lock in effect.locks)

    @property
    def built_indexes(self) -> tuple[str, ...]:
        """Names of the indexes that it builds outside a transaction."""
        if self.in_transaction:
            return ()
        return tuple(
            unescaped(key_of(line).removeprefix("index "))
            for line in sorted(self.patch.plus)
            if line.startswith("index ")
        )


def steps_of(decision: Decision, *, ends_run: bool) -> list[Step]:
    """Returns the steps of a decision in order.

    + ends_run: no other decision of the plan comes after it
    """
    groups: list[tuple[Statement, ...]] = decision.migration.steps(decision.statements) or [()]
    last = Step(decision, groups[-1], frozenset(), frozenset(), is_last=False)
    if groups[-1] and (decision.registers_alone or not last.in_transaction):
        # Statements outside a transaction cannot register in one: the row has a step of its own,
        # which also asks the verify query.
        groups.append(())
    steps: list[Step] = []
    present, absent = decision.present, decision.absent
    for place, statements in enumerate(groups):
        is_last = place == len(groups) - 1
        step = Step(decision, statements, present, absent, is_last=is_last, ends_run=is_last and ends_run)
        steps.append(step)
        patch = step.patch
        present, absent = (present - patch.minus) | patch.plus, (absent - patch.plus) | patch.minus
    return steps


def in_a_row(step: Step) -> Iterator[tuple[Statement, ...]]:
    """Yields the statements of a step: many in a row that do no more than write rows together, others one by one."""
    for only_writes, found in groupby(step.statements, lambda statement: _only_writes_rows(step, statement)):
        several = tuple(found)
        most = _MOST_IN_A_ROW if only_writes and len(several) >= _FEWEST_IN_A_ROW else 1
        for first in range(0, len(several), most):
            yield several[first : first + most]


def _only_writes_rows(step: Step, statement: Statement) -> bool:
    """Tells whether a statement was recorded to do nothing that the ones before it had not done."""
    effect = step.migration.effect_of(statement)
    found = (effect.patch.minus, effect.patch.plus, effect.locks, effect.rewrites, effect.needs, effect.touches)
    return statement.node in WRITES_ROWS and not any(found)


def columns_lost(step: Step) -> list[list[str]]:
    """Returns the columns whose values a step takes away or converts, each with its table."""
    keys = sorted({key_of(line) for line in step.patch.minus if line.startswith("column ")})
    return [[*map(unescaped, parts_of(key.removeprefix("column ")))] for key in keys]


def kept_of(step: Step) -> dict[str, str]:
    """Returns what is kept of what the step drops and makes again, where a rollback had taken it back."""
    found = [one for one in step.decision.remade if one.number in step.own_numbers]
    if not found:
        return {}
    tables = dict.fromkeys(one.before or one.name for one in found if one.kind == "table")
    columns = [parts_of(one.before or one.name) for one in found if one.kind == "column"]
    sequences: list[tuple[str, str | None, bool]] = [
        (one.before or one.name, None, one.is_emptied) for one in found if one.kind == "sequence"
    ]
    sequences += [(*parts_of(one.name), True) for one in found if one.kind == "identity"]
    sequences += [(table, None, False) for table in tables] + [(*column, False) for column in columns]
    return {
        "tables": items(tables),
        # Whatever the values are, the default among them.
        "columns": items((table, column, True) for table, column in columns if table not in tables),
        "sequences": items(sequences),
        "emptied": items(one.name for one in found if one.is_emptied and one.kind == "table"),
        "renamed": items([one.version, one.key, one.old] for one in step.decision.renamed),
        "made_as": items([*_places(one.kind, one.before), *_places(one.kind, one.name)] for one in found if one.before),
    }


def _places(kind: str, name: str) -> tuple[str, str | None]:
    """Returns the table that a name is of, and the column where it is one."""
    return parts_of(name) if kind == "column" else (name, None)


def remade_name(one: Remade) -> str:
    """Returns what an event calls what was dropped and made again: a table by its name, all else with its kind."""
    return one.name if one.kind == "table" else f"{one.kind} {one.name}"


def tables_made(step: Step) -> dict[str, str] | None:
    """Returns the tables that a migration makes, after which what a rollback kept may be due; None before its end."""
    if not step.is_last:
        return None
    remade = {one.name for one in step.decision.remade if one.kind == "table"}
    return {"tables": items(sorted(remade.union(map(unescaped, _tables_in(step.migration)))))}


def _tables_in(migration: Migration) -> frozenset[str]:
    lines = frozenset() if migration.effect is None else migration.effect.patch.plus
    return frozenset(key_of(line).removeprefix("table ") for line in lines if line.startswith("table "))
