"""What a run does about one migration, and why. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..catalog.lines import Patch
from ..migrations.files import Migration
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

    @property
    def changes(self) -> bool:
        """Whether the run writes anything for it."""
        return self.action in OUTCOME
