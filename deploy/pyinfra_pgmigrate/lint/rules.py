"""Rules for migrations, judged from what their statements were recorded to do. Pure: no I/O.

A rule that a migration breaks knowingly is accepted by its header: ``safe: <rule> because <reason>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.lines import Patch, key_of
from ..migrations.effect import StatementEffect
from ..migrations.files import Migration
from ..sqltext.parser import Statement
from . import judges
from .judges import Case


@dataclass(frozen=True)
class Finding:
    """A rule that a statement breaks.

    + line: of the file, counted from 1
    + remedy: what to write instead
    + tables: whose size says how long others wait for it; none where that is no matter of size
    """

    file: str
    line: int
    rule: str
    message: str
    remedy: str
    tables: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}\nHINT: {self.remedy}"


_Judge = Callable[[Case], "str | None"]


@dataclass(frozen=True)
class Rule:
    """One rule: what it forbids, why, and how to do it instead.

    + remedy: the hint of a finding
    + why: what happens to an application in use; for people, as are the next two
    + bad: SQL that breaks the rule
    + good: SQL that makes the same change and keeps it; ``-- NNN_name.sql`` begins another file
    + grows: what breaks it takes the longer the larger the table is
    """

    name: str
    judge: _Judge
    remedy: str
    why: str
    bad: str
    good: str
    grows: bool = False


RULES = (
    Rule(
        "blocking-index",
        judges.blocking_index,
        "Write CREATE INDEX CONCURRENTLY.",
        why="CREATE INDEX takes a ShareLock: no session can write to the table until the index is built, which takes "
        "seconds for a small table and many minutes for a large one. CONCURRENTLY builds it while others write. An "
        "index on a table that the same migration creates is not reported.",
        bad="CREATE INDEX orders_customer ON orders (customer_id);",
        good="CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);",
        grows=True,
    ),
    Rule(
        "blocking-constraint",
        judges.blocking_constraint,
        "Add it NOT VALID, then VALIDATE CONSTRAINT in a migration of its own; build unique indexes "
        "CONCURRENTLY and add them USING INDEX.",
        why="Adding a CHECK or FOREIGN KEY constraint reads every row while the table is locked. NOT VALID adds it "
        "without reading: it holds for new rows at once. VALIDATE CONSTRAINT then reads the rows under a lock that "
        "lets others read and write. A unique constraint builds its index under lock; an index built CONCURRENTLY "
        "before can become the constraint.",
        bad="ALTER TABLE orders\n"
        "ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id);",
        good="-- 012_add_order_customer.sql\n"
        "ALTER TABLE orders\n"
        "ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID;\n\n"
        "-- 013_validate_order_customer.sql\n"
        "ALTER TABLE orders\n"
        "VALIDATE CONSTRAINT orders_customer_fkey;",
        grows=True,
    ),
    Rule(
        "rewrite",
        judges.rewrite,
        "Add a new column, fill it in batches, and drop the old one later.",
        why="PostgreSQL writes every row of the table again, under an ACCESS EXCLUSIVE lock: no session can read or "
        "write meanwhile, and the table takes twice its room. Typical causes are ALTER COLUMN ... TYPE and a new "
        "column with a volatile default. Recording sees the rewrite itself, so a type change that needs none is not "
        "reported.",
        bad="ALTER TABLE orders\nALTER COLUMN amount TYPE bigint;",
        good="-- 012_add_amount_cents.sql (phase schema)\n"
        "ALTER TABLE orders\nADD COLUMN amount_cents bigint;\n\n"
        "-- 013_fill_amount_cents.sql (phase data, batch keyset)\n"
        "-- ... UPDATE by primary key, a batch a transaction ...\n\n"
        "-- 014_drop_amount.sql (phase contract, when no application uses it)\n"
        "ALTER TABLE orders\nDROP COLUMN amount;",
        grows=True,
    ),
    Rule(
        "set-not-null",
        judges.set_not_null,
        "Add CHECK (column IS NOT NULL) NOT VALID, validate it in a migration of its own, then SET NOT NULL.",
        why="SET NOT NULL reads every row under an ACCESS EXCLUSIVE lock: no session can read or write meanwhile. "
        "Where a valid CHECK already says that the column has no NULL, PostgreSQL reads nothing.",
        bad="ALTER TABLE orders\nALTER COLUMN customer_id SET NOT NULL;",
        good="-- 012_check_order_customer.sql\n"
        "ALTER TABLE orders\nADD CONSTRAINT orders_customer_given CHECK (customer_id IS NOT NULL) NOT VALID;\n\n"
        "-- 013_validate_order_customer.sql\n"
        "ALTER TABLE orders\nVALIDATE CONSTRAINT orders_customer_given;\n\n"
        "-- 014_require_order_customer.sql\n"
        "ALTER TABLE orders\nALTER COLUMN customer_id SET NOT NULL;\n\n"
        "ALTER TABLE orders\nDROP CONSTRAINT orders_customer_given;",
        grows=True,
    ),
    Rule(
        "required-column",
        judges.required_column,
        "Give it a default, or add it without NOT NULL and require it in phase contract.",
        why="The version of the application that runs while the migration is applied does not know the column: its "
        "INSERTs fail from then on. Where the table has rows, the statement itself fails.",
        bad="ALTER TABLE orders\nADD COLUMN currency text NOT NULL;",
        good="ALTER TABLE orders\nADD COLUMN currency text NOT NULL DEFAULT 'EUR';",
    ),
    Rule(
        "blocking-reindex",
        judges.blocking_reindex,
        "Write REINDEX ... CONCURRENTLY, REFRESH MATERIALIZED VIEW CONCURRENTLY.",
        why="REINDEX keeps writers out of the table until the index is built, and readers from that index; REFRESH "
        "keeps readers out of the view until it is filled. Both have a form that does not, which cannot run in a "
        "transaction (REINDEX), or wants a unique index (REFRESH).",
        bad="REINDEX TABLE orders;",
        good="REINDEX TABLE CONCURRENTLY orders;",
        grows=True,
    ),
    Rule(
        "lock-table",
        judges.lock_table,
        "Remove it: the run asks for the locks of each statement before it begins, without queueing.",
        why="LOCK TABLE waits in the lock queue, where it also blocks everyone who comes after it, and keeps writers "
        "out until the whole step has ended.",
        bad="LOCK TABLE orders IN EXCLUSIVE MODE;\n\nUPDATE orders\nSET total = 0\nWHERE total IS NULL;",
        good="UPDATE orders\nSET total = 0\nWHERE total IS NULL;",
    ),
    Rule(
        "whole-table",
        judges.whole_table,
        "Change the rows in batches (header batch: keyset), or only those that need it.",
        why="UPDATE and DELETE without WHERE lock every row until the transaction ends, and leave as many dead rows "
        "behind; TRUNCATE locks readers out and cannot be taken back after COMMIT.",
        bad="UPDATE orders\nSET currency = 'EUR';",
        good="UPDATE orders\nSET currency = 'EUR'\nWHERE currency IS NULL;",
        grows=True,
    ),
    Rule(
        "unlogged",
        judges.unlogged,
        "Leave it logged; make a new unlogged table for rows that may be lost.",
        why="After a crash of the server an unlogged table is empty, and it is never on a standby or in a physical "
        "backup.",
        bad="ALTER TABLE orders\nSET UNLOGGED;",
        good="CREATE UNLOGGED TABLE order_drafts (id bigint PRIMARY KEY, body jsonb);",
    ),
    Rule(
        "rename",
        judges.rename,
        "Add the new name beside the old one (a column, or a view), and remove the old one in phase contract.",
        why="The version of the application that runs while the migration is applied uses the old name: its statements "
        "fail from then on.",
        bad="-- phase: schema\n\nALTER TABLE customers\nRENAME COLUMN fax TO telefax;",
        good="-- phase: schema\n\nALTER TABLE customers\nADD COLUMN telefax text;",
    ),
    Rule(
        "removal",
        judges.removal,
        "Move it into a migration of phase contract, once the application no longer uses it.",
        why="The version of the application that runs while the migration is applied may still use the table, column, "
        "view or sequence. Phase contract marks the migrations that remove something: pg_phase stops before them, so "
        "that the new version of the application can be deployed first.",
        bad="-- phase: schema\n\nALTER TABLE customers\nDROP COLUMN fax;",
        good="-- phase: contract\n\nALTER TABLE customers\nDROP COLUMN fax;",
    ),
    Rule(
        "mixed",
        judges.mixed,
        "Split it: structure and data in a migration each.",
        why="Rows are changed in a migration that also changes structure: the table stays locked until the last row is "
        "changed. And where a statement of it runs outside a transaction, the catalog of an interrupted migration "
        "shows which structure is there, but not which rows were changed: resuming would change them twice.",
        bad="ALTER TABLE customers\nADD COLUMN email_lower text;\n\n"
        "UPDATE customers\nSET email_lower = lower(email)\nWHERE email_lower IS NULL;",
        good="-- 012_add_email_lower.sql (phase schema)\n"
        "ALTER TABLE customers\nADD COLUMN email_lower text;\n\n"
        "-- 013_fill_email_lower.sql (phase data)\n"
        "UPDATE customers\nSET email_lower = lower(email)\nWHERE email_lower IS NULL;",
    ),
)


def findings(migrations: Sequence[Migration], lines: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Yields each rule that a statement breaks and its header does not accept.

    + lines: what is there before the first
    A migration without a current effect is passed over: that is a refusal of its own.
    """
    for migration in migrations:
        if migration.effect is None:
            continue
        # The same of several statements is said once.
        said: set[tuple[str, str]] = set()
        for case in _cases(migration, lines):
            for rule in RULES:
                message = rule.judge(case)
                if message is None or rule.name in migration.header.accepted:
                    continue
                if (rule.name, message) not in said:
                    said.add((rule.name, message))
                    remedy = f"{rule.remedy} Or accept it: -- safe: {rule.name} because ..."
                    tables = case.tables if rule.grows else ()
                    yield Finding(f"{migration.name}.sql", case.statement.line, rule.name, message, remedy, tables)
        lines = (lines - migration.effect.patch.minus) | migration.effect.patch.plus
        yield from _unknown_rules(migration)


def _cases(migration: Migration, lines: frozenset[str]) -> Iterator[Case]:
    """Yields the statements of a migration, each with what is there when its turn comes.

    + lines: what the migrations before it made
    """
    made: set[str] = set()
    held = ""
    for statement in migration.statements:
        effect = migration.effect_of(statement)
        held = held if statement.in_transaction else ""
        case = Case(migration, statement, effect, frozenset(made), lines, held)
        yield case
        made |= _made_by(statement, effect, made)
        lines = (lines - effect.patch.minus) | effect.patch.plus
        held = (held or case.old_table("AccessExclusiveLock") or "") if statement.in_transaction else ""


def _made_by(statement: Statement, effect: StatementEffect, made: set[str]) -> set[str]:
    """Returns the keys of the objects that a statement makes; one that gets another name is as old as it was."""
    patch: Patch = effect.patch
    gone = set(map(key_of, patch.minus))
    if statement.node in ("rename_stmt", "alter_object_schema_stmt") and not gone <= made:
        return set()
    return set(map(key_of, patch.plus)) - gone


def _unknown_rules(migration: Migration) -> Iterator[Finding]:
    known = {rule.name for rule in RULES}
    for name in migration.header.accepted:
        if name not in known:
            remedy = f"Write one of {', '.join(sorted(known))}."
            yield Finding(f"{migration.name}.sql", 1, "safe", f'there is no rule "{name}" to accept', remedy)
