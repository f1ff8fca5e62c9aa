"""Rules for migrations, judged from what their statements were recorded to do. Pure: no I/O.

A rule that a migration breaks knowingly is accepted by its header: ``safe: <rule> because <reason>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..catalog.lines import definition_of, key_of
from ..catalog.lock_modes import MODES
from ..sqltext.parser import Statement
from .effect import StatementEffect
from .files import Migration

_DATA = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "truncate_stmt", "copy_stmt"})


@dataclass(frozen=True)
class Finding:
    """A rule that a statement breaks.

    + line: of the file, counted from 1
    + remedy: what to write instead
    """

    file: str
    line: int
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}\nHINT: {self.remedy}"


_Judge = Callable[[Migration, Statement, StatementEffect], "str | None"]


@dataclass(frozen=True)
class Rule:
    """One rule: what it forbids, why, and how to do it instead.

    + remedy: the hint of a finding
    + why: what happens to an application in use; for people, as are the next two
    + bad: SQL that breaks the rule
    + good: SQL that makes the same change and keeps it; ``-- NNN_name.sql`` begins another file
    """

    name: str
    judge: _Judge
    remedy: str
    why: str
    bad: str
    good: str


def _made_here(migration: Migration) -> frozenset[str]:
    """Returns the names of the tables that a migration itself makes: nobody uses them yet."""
    if migration.effect is None:
        return frozenset()
    return frozenset(
        key_of(line).removeprefix("table ") for line in migration.effect.patch.plus if line.startswith("table ")
    )


def _old_table_locked(migration: Migration, effect: StatementEffect, mode: str) -> str | None:
    """Returns a table, not made here, on which a statement takes a lock at least as strong."""
    made = _made_here(migration)
    return next(
        (
            lock.relation
            for lock in effect.locks
            if MODES.index(lock.mode) >= MODES.index(mode) and lock.relation not in made
        ),
        None,
    )


def _blocking_index(migration: Migration, statement: Statement, effect: StatementEffect) -> str | None:
    table = _old_table_locked(migration, effect, "ShareLock")
    if statement.node != "index_stmt" or table is None:
        return None
    return f"no session can write to {table} while the index is built"


def _blocking_constraint(migration: Migration, statement: Statement, effect: StatementEffect) -> str | None:
    table = _old_table_locked(migration, effect, "ShareRowExclusiveLock")
    if statement.node != "alter_table_stmt" or table is None:
        return None
    added = [line for line in effect.patch.plus if line.startswith("constraint ")]
    if not any(not definition_of(line).endswith("NOT VALID") for line in added):
        return None
    return f"{table} is locked while all its rows are checked"


def _rewrite(migration: Migration, statement: Statement, effect: StatementEffect) -> str | None:
    return f"every row of {effect.rewrites[0]} is rewritten, under lock" if effect.rewrites else None


def _removal(migration: Migration, statement: Statement, effect: StatementEffect) -> str | None:
    if migration.header.phase == "contract":
        return None
    kept = {key_of(line) for line in effect.patch.plus}
    gone = sorted(
        key
        for key in map(key_of, effect.patch.minus)
        if key.startswith(("table ", "column ", "view ", "materialized_view ", "sequence ")) and key not in kept
    )
    return f"{gone[0]} is dropped, with what it holds, in phase {migration.header.phase}" if gone else None


def _mixed(migration: Migration, statement: Statement, effect: StatementEffect) -> str | None:
    if statement.node not in _DATA or migration.effect is None or not migration.effect.patch:
        return None
    return "rows are changed in a migration that changes structure: a resumed run would change them twice"


RULES = (
    Rule(
        "blocking-index",
        _blocking_index,
        "Write CREATE INDEX CONCURRENTLY.",
        why="CREATE INDEX takes a ShareLock: no session can write to the table until the index is built, which takes "
        "seconds for a small table and many minutes for a large one. CONCURRENTLY builds it while others write. An "
        "index on a table that the same migration creates is not reported.",
        bad="CREATE INDEX orders_customer ON orders (customer_id);",
        good="CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);",
    ),
    Rule(
        "blocking-constraint",
        _blocking_constraint,
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
    ),
    Rule(
        "rewrite",
        _rewrite,
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
    ),
    Rule(
        "removal",
        _removal,
        "Move it into a migration of phase contract, once the application no longer uses it.",
        why="The version of the application that runs while the migration is applied may still use the table, column, "
        "view or sequence. Phase contract marks the migrations that remove something: pg_phase stops before them, so "
        "that the new version of the application can be deployed first.",
        bad="-- phase: schema\n\nALTER TABLE customers\nDROP COLUMN fax;",
        good="-- phase: contract\n\nALTER TABLE customers\nDROP COLUMN fax;",
    ),
    Rule(
        "mixed",
        _mixed,
        "Split it: structure and data in a migration each.",
        why="Rows are changed in a migration that also changes structure. When such a migration was interrupted, the "
        "catalog shows which structure is there, but not which rows were changed: resuming would change them twice.",
        bad="ALTER TABLE customers\nADD COLUMN email_lower text;\n\nUPDATE customers\nSET email_lower = lower(email);",
        good="-- 012_add_email_lower.sql (phase schema)\n"
        "ALTER TABLE customers\nADD COLUMN email_lower text;\n\n"
        "-- 013_fill_email_lower.sql (phase data)\n"
        "UPDATE customers\nSET email_lower = lower(email)\nWHERE email_lower IS NULL;",
    ),
)


def findings(migrations: Sequence[Migration]) -> Iterator[Finding]:
    """Yields each rule that a statement breaks and its header does not accept.

    A migration without a current effect is passed over: that is a refusal of its own.
    """
    for migration in migrations:
        if migration.effect is None:
            continue
        for statement in migration.statements:
            for rule in RULES:
                message = rule.judge(migration, statement, migration.effect_of(statement))
                if message is not None and rule.name not in migration.header.accepted:
                    remedy = f"{rule.remedy} Or accept it: -- safe: {rule.name} because ..."
                    yield Finding(f"{migration.name}.sql", statement.line, rule.name, message, remedy)
        yield from _unknown_rules(migration)


def _unknown_rules(migration: Migration) -> Iterator[Finding]:
    known = {rule.name for rule in RULES}
    for name in migration.header.accepted:
        if name not in known:
            remedy = f"Write one of {', '.join(sorted(known))}."
            yield Finding(f"{migration.name}.sql", 1, "safe", f'there is no rule "{name}" to accept', remedy)
