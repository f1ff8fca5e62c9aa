"""What a run does about one migration, and why, as a value and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from ..catalog.lines import Patch
from ..migrations.files import Migration
from ..migrations.remade import Remade, Renamed
from ..registry.model import AppliedMigration
from .state import Judgement


class Action(Enum):
    """What a run does about one migration."""

    NONE = "no change"
    APPLY = "apply"
    RESUME = "resume"
    ADOPT = "adopt"
    REPAIR = "repair"
    CONVERGE = "converge"
    HOLD = "hold"
    STOP = "beyond the target"


# What the registry calls a migration after each action.
OUTCOME = {
    Action.APPLY: "applied",
    Action.RESUME: "resumed",
    Action.ADOPT: "adopted",
    Action.REPAIR: "repaired",
    Action.CONVERGE: "applied",
}


@dataclass(frozen=True)
class Decision:
    """What a run does about one migration, and why.

    + statements: numbers of the statements that it runs
    + patch: the lines that they take away and add on this database
    + present: lines of the migration that were there when this was decided
    + absent: lines of the migration that were not
    + reason: one line for people; empty where the action says it all
    + remade: what its statements drop and something makes again; renamed: what was given another name until then
    + registers_alone: the registry row has a transaction of its own
    """

    migration: Migration
    action: Action
    judgement: Judgement
    row: AppliedMigration | None = None
    statements: tuple[int, ...] = ()
    patch: Patch = field(default_factory=Patch)
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    reason: str = ""
    remade: tuple[Remade, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    registers_alone: bool = False

    @property
    def changes(self) -> bool:
        """Whether the run writes anything for it."""
        return self.action in OUTCOME


WORDS = {
    Action.NONE: "applied",
    Action.APPLY: "pending",
    Action.RESUME: "partial",
    Action.ADOPT: "in place, not registered",
    Action.REPAIR: "drifted",
    Action.CONVERGE: "to be run again",
    Action.HOLD: "held",
    Action.STOP: "pending, beyond the target",
}


def decision_lines(decision: Decision) -> Iterator[str]:
    """Yields what a run would do for one migration: the patch, and how."""
    migration = decision.migration
    yield f"{migration.name}: {state_of(decision)}, would {would(decision)}"
    if decision.reason:
        yield f"    because: {decision.reason}"
    for statement in migration.chosen(decision.statements):
        effect = migration.effect_of(statement)
        yield f"    statement {statement.number}: {statement.words}"
        for lock in effect.locks:
            yield f"        lock {lock.mode} on {lock.relation}"
        for table in effect.rewrites:
            yield f"        rewrites every row of {table}"
    for line in decision.patch.render():
        yield f"    {line}"


def would(decision: Decision) -> str:
    """Returns what a run would do for one migration, as a verb."""
    total, chosen = len(decision.migration.statements), len(decision.statements)
    if decision.action is Action.NONE:
        return "run nothing"
    if not chosen:
        return "verify and register it, run nothing" if decision.action is Action.APPLY else "register it, run nothing"
    how = " in batches" if decision.migration.header.in_batches else ""
    return f"run {chosen} of {total} statement{'s' if total > 1 else ''}{how}"


def state_of(decision: Decision) -> str:
    """Returns the word for what was found of a migration."""
    # Nothing is done about one that is not registered where it, or what it stands on, is refused.
    return "refused" if decision.action is Action.NONE and decision.row is None else WORDS[decision.action]
