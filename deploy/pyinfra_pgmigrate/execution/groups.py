"""Steps that may share one transaction: consecutive migrations that make new things and lock nothing older. Pure.

What a run has made itself nobody else uses yet, so that nobody waits while the transaction goes on. Each migration
keeps its registry row; what they did is checked once, at the end. A group that fails is undone, and its steps run
one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..catalog.lines import key_of
from .steps import Step

# Each statement of a group keeps its locks until the end: with all of them below what a server has by default
# (max_locks_per_transaction 64 for each of 100 connections).
MOST_STEPS, MOST_STATEMENTS = 100, 400
# Statements that call nothing that could set something for the session or wait for the end of the transaction, where
# they lock nothing that was there. That it was so is checked after them.
_PLAIN = frozenset({
    "create_stmt", "create_schema_stmt", "create_seq_stmt", "create_enum_stmt", "composite_type_stmt", "view_stmt",
    "comment_stmt", "grant_stmt",
})  # fmt: skip


class Groups:
    """How the steps of one execution are put together.

    + may_share: whether any may share a transaction; alone: versions that do not
    """

    def __init__(self, *, may_share: bool) -> None:
        self.may_share = may_share
        self.alone: set[int] = set()

    def of(self, steps: Sequence[Step]) -> list[tuple[Step, ...]]:
        """Returns steps in order, in groups of one transaction each."""
        return list(groups_of(steps, self.alone)) if self.may_share else [(step,) for step in steps]

    def part(self, steps: Sequence[Step], done: int) -> int:
        """Has the steps of the group that failed run one by one; returns how many they are, 0 where it was one step.

        + done: steps before it
        """
        place = 0
        for group in self.of(steps):
            if place == done and len(group) > 1:
                self.alone.update(step.migration.version for step in group)
                return len(group)
            place += len(group)
        return 0


def sets_nothing(step: Step) -> bool:
    """Tells whether what comes after a step of a group finds the session as it was before it."""
    return (
        all(statement.node in _PLAIN for statement in step.statements)
        and not any(effect.locks for effect in step.effects)
        and step.migration.verify is None
    )


def groups_of(steps: Sequence[Step], alone: Collection[int] = ()) -> Iterator[tuple[Step, ...]]:
    """Yields the steps in order, in groups of one transaction each.

    + alone: versions that share no transaction
    """
    group: list[Step] = []
    made: set[str] = set()
    keys: set[str] = set()
    for step in steps:
        own_keys = step.own_objects
        made |= _made_by(step)
        fits = step.migration.version not in alone and _may_share(step) and _locks_only(step, made)
        # Of what two migrations deal with, the end does not tell which did what.
        if not fits or own_keys & keys or _is_full([*group, step]):
            if group:
                yield tuple(group)
            group, keys = [], set()
        group.append(step)
        keys |= own_keys
        if not fits:
            yield tuple(group)
            group, keys = [], set()
    if group:
        yield tuple(group)


def _may_share(step: Step) -> bool:
    header, decision = step.migration.header, step.decision
    return (
        step.is_whole
        and step.in_transaction
        and step.around is None
        and not step.migration.mode_of(step.statements)
        and not (step.present or decision.remade or decision.registers_alone)
        and not (header.converges or header.repeatable or header.removes)
        # A new value can be used after COMMIT only; of a column that goes, or gets another type, values may be kept.
        and all(statement.node != "alter_enum_stmt" for statement in step.statements)
        and not any(line.startswith("column ") for line in step.patch.minus)
    )


def _made_by(step: Step) -> set[str]:
    """Returns what a step makes, and what was there and is another now not among it."""
    keys = {key_of(line) for line in step.patch.plus} - {key_of(line) for line in step.patch.minus}
    return {key.split(" ", 1)[1] for key in keys}


def _locks_only(step: Step, made: Collection[str]) -> bool:
    return all(lock.relation in made for effect in step.effects for lock in effect.locks)


def _is_full(group: Sequence[Step]) -> bool:
    return len(group) > MOST_STEPS or sum(len(step.statements) for step in group) > MOST_STATEMENTS
