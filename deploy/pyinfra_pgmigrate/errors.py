"""Every reason to refuse, as a value: what happened, what was found and expected, the next command.

The kinds are a closed list; the README has a table of them with cause and cure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Why something was refused or failed."""

    SETTINGS = "settings"  # host data or a command-line argument
    FILE = "file"  # a file in the SQL folder breaks the rules
    EFFECT = "effect"  # an effect file is missing or not current
    UNREADABLE = "unreadable"  # the database could not be read
    PRIVILEGE = "privilege"  # the role may not do what the migration does
    NEEDS = "needs"  # something the migration builds on is not there
    DEPENDENT = "dependent"  # others built on what a rollback drops
    CONFLICT = "conflict"  # an object of that name exists with another definition
    AMBIGUOUS = "ambiguous"  # the catalog cannot say whether a migration has run
    DRIFT = "drift"  # an applied migration is not in the catalog any more
    CHANGED = "changed"  # a file changed after it was applied
    ORDER = "order"  # an applied file is gone, or an older one is pending
    REGISTRY = "registry"  # a newer version of this tool made the registry, or somebody who is not trusted
    BUSY = "busy"  # another run is at work on the database
    LOCK = "lock"  # a table lock was not to be had in the time allowed
    FAILED = "failed"  # a statement failed
    UNEXPECTED = "unexpected"  # the catalog changed otherwise than the effect says
    VERIFY = "verify"  # the verify query found problems
    ROOM = "room"  # the server has too little room for what a rollback keeps
    BACKUP = "backup"  # a backup could not be taken
    DAMAGED = "damaged"  # a backup is not what its manifest says
    REHEARSAL = "rehearsal"  # a migration failed on the copy
    RESTORE = "restore"  # a backup could not be restored
    CONFIRM = "confirm"  # the database must be named first


@dataclass(frozen=True)
class Refusal:
    """One refusal, in three lines when printed.

    + kind: one of the closed list
    + message: what could not be done, and why, in one line
    + detail: a sentence with the value found and the value expected
    + hint: the one next step, with its command
    """

    kind: Kind
    message: str
    detail: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message}\nDETAIL: {self.detail}\nHINT: {self.hint}"


class PgMigrateError(Exception):
    """A refusal on its way up; ``refusal`` holds its parts.

    Raised by code that reads files or settings on the controller, where it stops everything, and by the
    work on the backups of one host, where the operation catches it, so that the other hosts go on.
    """

    def __init__(self, kind: Kind, message: str, *, detail: str, hint: str) -> None:
        self.refusal = Refusal(kind, message, detail, hint)
        super().__init__(str(self.refusal))

    @classmethod
    def of(cls, refusal: Refusal) -> PgMigrateError:
        """Returns the exception that carries a refusal."""
        return cls(refusal.kind, refusal.message, detail=refusal.detail, hint=refusal.hint)
