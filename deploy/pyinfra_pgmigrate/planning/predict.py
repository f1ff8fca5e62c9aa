"""What statements of a migration will do on one database, and what of them matters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..catalog.lines import Catalog, Patch, is_own, key_of, matches
from ..catalog.parts import unique_rule
from ..migrations.files import Migration
from ..registry.model import Upsert, Verified
from ..sqltext.grammar import SqlSyntaxError
from ..sqltext.parser import IDEMPOTENT, PASSING, STRUCTURAL, Statement
from ..sqltext.unique_rules import UniqueRule, upserts
from .state import Judgement, StatementState


class Outlook:
    """The catalog as it will be at a point of the plan."""

    def __init__(self, catalog: Catalog) -> None:
        self.lines = set(catalog.lines)
        # By key it is asked for what is missing alone, which is mostly nothing; to order a large one takes its time.
        self._catalog = catalog
        self._patched: dict[str, frozenset[str]] = {}

    def of_key(self, key: str) -> Collection[str]:
        """Returns the lines of an object that are not own."""
        return self._patched[key] if key in self._patched else self._catalog.of_key(key)

    def patch(self, patch: Patch) -> None:
        """Takes away and adds the lines of a patch."""
        self.lines -= patch.minus
        self.lines |= patch.plus
        for line in patch.minus:
            if not is_own(line):
                key = key_of(line)
                self._patched[key] = frozenset(self.of_key(key)) - {line}
        for line in patch.plus:
            if not is_own(line):
                key = key_of(line)
                self._patched[key] = frozenset(self.of_key(key)) | {line}


def count_of(verified: Verified | None) -> str:
    """Returns how many problems a verify query found, for people."""
    return "unknown" if verified is None or verified.count is None else str(verified.count)


def lines_of(migration: Migration) -> frozenset[str]:
    """Returns every line that one of a migration's statements takes away or adds."""
    if migration.effect is None:
        return frozenset()
    return frozenset(
        line for statement in migration.effect.statements for line in statement.patch.minus | statement.patch.plus
    )


def all_of(migration: Migration) -> tuple[int, ...]:
    """Returns the numbers of all statements of a migration."""
    return tuple(statement.number for statement in migration.statements)


def may_run_twice(migration: Migration) -> bool:
    """Tells whether the file says of itself that its statements may run twice."""
    return migration.header.converges or migration.header.repeatable


def unclear_of(migration: Migration, numbers: Collection[int]) -> tuple[int, ...]:
    """Returns those of the statements without a trace of which it matters whether they ran.

    A setting, a lock, or structure that the statement found as it wants it (IF EXISTS, IF NOT EXISTS, OR REPLACE)
    is none.
    """
    again = frozenset(again_of(migration, numbers))
    return tuple(
        statement.number
        for statement in migration.chosen(numbers)
        if statement.number not in again
        and statement.node not in PASSING
        and not (statement.node in STRUCTURAL and is_without_effect(migration, statement))
    )


def again_of(migration: Migration, numbers: Collection[int]) -> tuple[int, ...]:
    """Returns those of the statements without a trace that may run twice by their nature, such as COMMENT ON."""
    return tuple(
        statement.number
        for statement in migration.chosen(numbers)
        if statement.node in IDEMPOTENT
        or (
            statement.node in STRUCTURAL
            and bool(migration.effect_of(statement).touches)
            and is_without_effect(migration, statement)
        )
    )


def is_without_effect(migration: Migration, statement: Statement) -> bool:
    """Tells whether a statement was recorded to change no line and to rewrite no table."""
    effect = migration.effect_of(statement)
    return not effect.patch and not effect.rewrites


def settings_set_by(migration: Migration) -> tuple[int, ...]:
    """Returns the statements that set something for those after them in their transaction."""
    return tuple(one.number for one in migration.statements if one.node == "variable_set_stmt")


def to_run(migration: Migration, judgement: Judgement, *, problems: bool) -> tuple[int, ...]:
    """Returns the statements that repair an applied migration.

    + problems: its verify query finds problems: statements that leave no trace run too, and so do those that
      look for more than the lines of their effect (``removes``)
    """
    states = [StatementState.MISSING]
    if problems:
        states.append(StatementState.UNSEEN)
        if migration.header.removes:
            states += [StatementState.DONE, StatementState.VACUOUS]
    return judgement.numbers(*states)


def whole_patch(migration: Migration) -> Patch:
    """Returns what a migration was recorded to do as a whole."""
    return Patch() if migration.effect is None else migration.effect.patch


def predicted(migration: Migration, statements: Sequence[int], lines: Collection[str]) -> Patch:
    """Returns what statements of a migration will do on this database.

    What is not there does not go; what the header's ``removes`` means goes by its name on this database.
    """
    whole = Patch.of_all(migration.effect_of(statement).patch for statement in migration.chosen(statements))
    if not statements:
        return whole
    patterns = migration.header.removes
    meant = {line for line in lines if any(matches(line, pattern) for pattern in patterns)} if patterns else set()
    gone = frozenset(line for line in whole.minus | meant if line in lines)
    return Patch(gone, frozenset(line for line in whole.plus if line not in lines))


def removed_rules(patch: Patch) -> frozenset[UniqueRule]:
    """Returns the unique rules that a patch takes away, indexes and constraints alike."""
    rules = map(unique_rule, patch.minus)
    return frozenset(rule for rule in rules if rule is not None)


def upsert_on(rules: frozenset[UniqueRule], seen: Sequence[Upsert]) -> Upsert | None:
    """Returns the first statement that names one of these rules in ON CONFLICT, or None.

    One that the grammar does not accept (a text cut short) counts as naming a rule when the table and
    all columns occur in it: holding back is the safe mistake.
    """
    for upsert in seen:
        try:
            named = list(upserts(upsert.query))
        except SqlSyntaxError:
            if any(rule.table in upsert.query and all(name in upsert.query for name in rule.columns) for rule in rules):
                return upsert
            continue
        for rule in rules:
            for one in named:
                if one.table == rule.table and (
                    one.columns == rule.columns or (one.constraint is not None and one.constraint == rule.constraint)
                ):
                    return upsert
    return None
