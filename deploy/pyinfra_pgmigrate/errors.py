"""Every reason to refuse, as a value: what happened, what was found and expected, the next command.

The kinds are a closed list; docs/reference/refusals.md is made from ``EXPLANATIONS``.
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
    LARGE = "large"  # a statement would keep others from a large table
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
class Explanation:
    """What a kind of refusal means to an operator.

    + found: what was found
    + remedy: what to do
    """

    found: str
    remedy: str


EXPLANATIONS: dict[Kind, Explanation] = {
    Kind.SETTINGS: Explanation(
        "A host data key or a command-line argument is unknown, missing or has a wrong value.",
        "Correct the key that the message names.",
    ),
    Kind.FILE: Explanation(
        "A file in the SQL folder breaks a rule: its name, its header, its SQL or its encoding.",
        "Correct the line that the message names.",
    ),
    Kind.EFFECT: Explanation(
        "An effect file is missing, was edited, or is older than its SQL or the migrations before it.",
        "Review the change, then run `pgmigrate record`.",
    ),
    Kind.UNREADABLE: Explanation(
        "The database could not be read: no connection, no psql on the host, no such database or schema, or a server "
        "older than PostgreSQL 15.",
        "Follow the hint; it depends on the cause.",
    ),
    Kind.PRIVILEGE: Explanation(
        "The role of the connection lacks a privilege that the migration needs.",
        "Connect as the owner, or let the owner grant it.",
    ),
    Kind.NEEDS: Explanation(
        "A table, column or function that a migration builds on is missing.",
        "Add it, or stop before that migration with `pg_target`.",
    ),
    Kind.DEPENDENT: Explanation(
        "rollback.py: objects created outside these migrations depend on objects that would be dropped.",
        "Drop or change them, or set `pg_dependents=quarantine`.",
    ),
    Kind.CONFLICT: Explanation(
        "An object of that name exists with another definition, a migration is applied in part and cannot be resumed "
        "safely, or rows violate a constraint that a rollback restores.",
        "Rename, change or complete by hand what the message names.",
    ),
    Kind.AMBIGUOUS: Explanation(
        "The catalog cannot show whether a migration was applied: the migration, or one of its statements, leaves no "
        "trace.",
        "Name the last migration that was applied with `pg_applied=NNN`, or write a verify query for it.",
    ),
    Kind.DRIFT: Explanation(
        "Schema drift: a migration is recorded as applied, but some of its objects are missing.",
        "Find out who changed them; `pg_repair=true` creates them again.",
    ),
    Kind.CHANGED: Explanation(
        "A file was changed after it was applied.",
        "Restore the file from version control; write the change as a new migration.",
    ),
    Kind.ORDER: Explanation(
        "The file of an applied migration is missing, or a pending migration is older than an applied one.",
        "Restore the file; renumber the pending migration, or set `pg_out_of_order=true`.",
    ),
    Kind.REGISTRY: Explanation(
        "A newer version of this tool created the registry, or a role that is not trusted owns it.",
        "Upgrade the tool on this controller; connect as the role that created the registry, or rename the foreign "
        "schema.",
    ),
    Kind.BUSY: Explanation(
        "Another run worked on the database for longer than `pg_run_wait_s`.",
        "Wait until it ends, then run again.",
    ),
    Kind.LARGE: Explanation(
        "A pending statement breaks a rule of `pgmigrate check` on a table with more than `pg_large_table_rows` rows: "
        "others would wait for it for long.",
        "Write it as the rule says; or, where that wait is planned, accept it in the file "
        "(`-- safe: RULE because ...`) or for one run: `pg_large_table_rows=0`.",
    ),
    Kind.LOCK: Explanation(
        "A table lock could not be acquired within `pg_lock_budget_s`. Nothing of that step was applied.",
        "Let the transaction that the message names end, then run again.",
    ),
    Kind.FAILED: Explanation(
        "A statement failed, or psql ended without an answer.",
        "Remove the cause, then run again: the run resumes where it stopped.",
    ),
    Kind.UNEXPECTED: Explanation(
        "The catalog changed in another way than the effect file says; the step was rolled back.",
        "Find out what else reacts to the change on this database (event triggers, dependent views).",
    ),
    Kind.VERIFY: Explanation(
        "A verify query found problems, or could not run.",
        "Correct the rows or objects that it names.",
    ),
    Kind.ROOM: Explanation(
        "rollback.py: the server has too little disk space for the rows that the quarantine keeps.",
        "Free disk space, then run again.",
    ),
    Kind.BACKUP: Explanation(
        "A backup could not be taken, verified or copied: no disk space, no privilege, or a program is missing.",
        "Follow the hint; earlier backups are unchanged.",
    ),
    Kind.DAMAGED: Explanation(
        "A backup is damaged: its files, or the copy restored from it, do not match its manifest.",
        "Take another backup; restore an earlier one.",
    ),
    Kind.REHEARSAL: Explanation(
        "A migration failed on the restored copy. Nothing was run on the database itself.",
        "Correct the rows or the migration that the message names, then run again.",
    ),
    Kind.RESTORE: Explanation(
        "A backup could not be found, or could not be put in place.",
        "Follow the hint; the database is unchanged.",
    ),
    Kind.CONFIRM: Explanation(
        "`pg_needs_confirm` is set and the run does not name the database.",
        "If you mean this database: `--data pg_confirm=DATABASE`.",
    ),
}


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
