"""The patch of migrations turned round, as the registry or their effects hold it for one database. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..catalog.lines import INVALID, Catalog, Patch, definition_of, escaped, is_own, key_of, parts_of, unescaped
from ..catalog.parts import column_of, columns_of, unique_rule
from ..catalog.privileges import is_written_out
from ..migrations.effect import Effect, Lock, StatementEffect
from ..migrations.files import Migration
from ..migrations.header import Header
from ..planning.decision import Action, Decision
from ..planning.state import Judgement, State, StatementState
from ..registry.model import Observed
from ..sqltext.lock_modes import sql_name
from ..sqltext.parser import checksum_of
from ..sqltext.unique_rules import UniqueRule, table_of_index
from .blockers import Conflict, KeptObject, Rule
from .scripts import RollbackScript, dropped_keys, keys_after, renamed_keys

_STRONGEST = "AccessExclusiveLock"


def turned(
    reverted: tuple[Migration, ...],
    scripts: tuple[RollbackScript, ...],
    observed: Observed,
    states: Mapping[int, Judgement],
) -> Rollback:
    """Returns what a rollback does: the lines that go and come back, and what is kept of them."""
    lines = set(observed.catalog.lines)
    known = _gone_since(reverted[-1], observed)
    found_there: set[str] = set()
    for migration in reverted:
        gone, come = _done_by(migration, observed, states[migration.version], lines, known)
        taken_over = _taken_over(migration, observed, lines)
        found_there |= taken_over
        # What a build that did not end left of its indexes goes with them.
        unfinished = {line + INVALID for line in _made_by(migration)}
        lines = (lines - come - taken_over - unfinished) | gone
    objects = {key_of(line) for line in observed.catalog.lines - lines if not is_own(line)}
    kept = {key_of(line) for line in lines if not is_own(line)}
    if any(key.startswith("column ") and f"table {parts_of(key)[0][7:]}" in kept for key in objects - kept):
        # A table that finds a parent again has these from it.
        kept |= {f"column {table}.{column}" for table, names in columns_of(lines).items() for column in names}
    # Owner, grants and comments of what goes go with it, whoever gave them.
    lines -= {line for line in lines if is_own(line) and key_of(line) in objects - kept}
    lines -= set(_built_before(lines - observed.catalog.lines, observed.catalog))
    touched = {key_of(line) for line in observed.catalog.lines ^ lines if is_own(line) and key_of(line) in kept}
    # Another one may take the place of what the script drops, with the rights that it has.
    touched |= kept.intersection(dropped_keys(scripts))
    lines |= set(_still_written_out(observed, lines, kept))
    patch = observed.catalog.difference(Catalog(frozenset(lines)))
    rules = tuple(_rules(patch.plus))
    # What only gets another name stays, whatever it is called.
    renamed = frozenset(renamed_keys(scripts, objects - kept, kept))
    going = (objects - kept - renamed) | (set(dropped_keys(scripts)) & set(observed.catalog.by_key))
    tables = tuple(sorted(key.removeprefix("table ") for key in going if key.startswith("table ")))
    columns = tuple(sorted(_columns(going, tables)))
    later = keys_after([one for script in scripts for one in script.statements], renamed)
    retyped = tuple(_retyped(patch, reverted, scripts, {*tables, *columns}, later))
    return Rollback(
        scripts,
        reverted,
        patch,
        tables,
        columns,
        rules,
        _decision(
            scripts,
            reverted,
            patch,
            observed.catalog,
            {*tables, *(table for table, _ in columns), *(one.table for one in retyped)},
            touched,
        ),
        retyped=retyped,
        objects=frozenset(objects - kept),
        renamed=renamed,
        found_there=frozenset(map(key_of, found_there)) & (objects - kept),
        damaged=observed.damaged,
    )


def _made_by(migration: Migration) -> frozenset[str]:
    return frozenset() if migration.effect is None else migration.effect.patch.plus


def _gone_since(oldest: Migration, observed: Observed) -> frozenset[str] | None:
    """Returns the lines that went since before the oldest migration; None where the registry cannot know."""
    row = observed.applied.get(oldest.version)
    if observed.registry is None or row is None or row.how == "adopted":
        return None
    return observed.registry.gone_since_first


def _taken_over(migration: Migration, observed: Observed, lines: Collection[str]) -> set[str]:
    """Returns the lines of a registered migration that were in place when it came to hold.

    Its row says what really came; what it found is as much of it as the rest, and goes with it.
    """
    row = observed.applied.get(migration.version)
    if row is None or migration.effect is None or row.how == "applied":
        return set()
    return set(migration.effect.patch.plus).intersection(lines).difference(row.added or ())


def _done_by(
    migration: Migration,
    observed: Observed,
    judgement: Judgement,
    lines: Collection[str],
    known: frozenset[str] | None,
) -> tuple[set[str], set[str]]:
    """Returns the lines that a migration took away and added on this database.

    + known: lines that really went; None where nobody knows
    """
    row = observed.applied.get(migration.version)
    if row is not None and row.removed is not None and row.added is not None:
        # What one of its steps made and a later one took away was not there before: older versions wrote both.
        between = set(row.removed).intersection(row.added).difference(lines)
        return set(row.removed) - between, set(row.added)
    whole = Patch.of_all(
        effect.patch
        for effect in (() if migration.effect is None else migration.effect.statements)
        if judgement.statements.get(effect.number) in (StatementState.DONE, StatementState.VACUOUS)
    )
    standing = {rule_of(line) for line in lines} - {None}
    # A unique rule that stands under another name was never taken away, nor one that never was there.
    gone = {line for line in whole.minus if rule_of(line) not in standing and (known is None or line in known)}
    return gone, set(whole.plus)


def rule_of(line: str) -> tuple[str, frozenset[str]] | None:
    """Returns table and columns of a unique index or constraint line; None of any other.

    >>> rule_of("constraint groups.one_name UNIQUE (project_id, name)") == ("groups", frozenset({"name", "project_id"}))
    True
    """
    found = _unique(line)
    return None if found is None else (found.table, found.columns)


def _unique(line: str) -> UniqueRule | None:
    """Returns the rule of a line; a primary key is more than one."""
    return None if definition_of(line).startswith("PRIMARY KEY ") else unique_rule(line)


def _rules(lines: Collection[str]) -> list[Rule]:
    found: list[Rule] = []
    # Foreign keys last: what they point at may come back as well.
    for line in sorted(lines, key=lambda one: (definition_of(one).startswith("FOREIGN KEY"), one)):
        rule = _unique(line)
        columns = () if rule is None else tuple(sorted(map(unescaped, rule.columns)))
        definition = unescaped(definition_of(line))
        if line.startswith("index "):
            name = unescaped(key_of(line).removeprefix("index "))
            # Of a partitioned table: for all its partitions.
            definition = definition.replace(" ON ONLY ", " ON ", 1)
            predicate, distinct = definition.partition(" WHERE ")[2], " NULLS NOT DISTINCT" not in definition
            found.append(Rule("index", name, table_of_index(definition), definition, columns, predicate, distinct))
        elif line.startswith("constraint "):
            on, name = map(unescaped, parts_of(key_of(line).removeprefix("constraint ")))
            distinct = not definition.startswith("UNIQUE NULLS NOT DISTINCT")
            found.append(Rule("constraint", name, on, definition, columns, nulls_distinct=distinct))
    return found


def _built_before(coming: Collection[str], catalog: Catalog) -> Iterator[str]:
    """Yields the lines of indexes that an earlier try built for what comes back, or left INVALID."""
    for rule in _rules(coming):
        for line in catalog.by_key.get(f"index {escaped(rule.index)}", ()):
            if line not in coming:
                yield line


def _still_written_out(observed: Observed, lines: Collection[str], kept: Collection[str]) -> Iterator[str]:
    """Yields the grants that the first GRANT on an object wrote out: they last as long as any other one of it.

    + lines: those that stay; kept: keys of what stays
    """

    def says_no_more(line: str) -> bool:
        return is_written_out(line, observed.catalog.owners, observed.server.version_num)

    granted = {key_of(line) for line in lines if line.startswith("grant ") and not says_no_more(line)}
    for line in observed.catalog.lines.difference(lines):
        if key_of(line) in granted.intersection(kept) and says_no_more(line):
            yield line


def _columns(objects: Collection[str], tables: Collection[str]) -> list[tuple[str, str]]:
    parts = [parts_of(key.removeprefix("column ")) for key in objects if key.startswith("column ")]
    return [(table, column) for table, column in parts if table not in tables]


# A value that does not fit into a shorter one is an error, and no other value.
_INTEGERS = {"smallint", "integer", "bigint"}


# An expression for values that is nothing but their cast.
_CAST_ALONE = re.compile(r"""USING\s+("[^"]+"|\w+)\s*::\s*\w+\s*(,|;|$)""", re.IGNORECASE)


def _casts_alone(scripts: Sequence[RollbackScript]) -> bool:
    """Tells whether no statement of the scripts gives a column other values than the cast does."""
    texts = [one.text for script in scripts for one in script.statements if one.node == "alter_table_stmt"]
    return all(len(re.findall(r"\bUSING\b", text, re.IGNORECASE)) == len(_CAST_ALONE.findall(text)) for text in texts)


def _retyped(
    patch: Patch,
    reverted: Sequence[Migration],
    scripts: Sequence[RollbackScript],
    going: Collection[object],
    later: Mapping[str, Collection[str]],
) -> Iterator[Retyped]:
    """Yields the columns that stay and get another type, or an expression for their values.

    + going: tables, and columns with theirs, that are kept as a whole
    + later: keys that those may have in the end which the scripts give another name
    """
    come = {key_of(line): line for line in patch.plus if line.startswith("column ")}
    casts_alone = _casts_alone(scripts)
    for line in sorted(patch.minus):
        key = key_of(line)
        table, name = parts_of(key.removeprefix("column "))
        back = next((one for one in (key, *later.get(key, ())) if one in come), None)
        if back is None or table in going or (table, name) in going:
            continue
        now, then = column_of(line), column_of(come[back])
        if not now.generated and (now.type != then.type or then.generated):
            is_plain = _is_cast_back(key, reverted)
            is_exact = is_plain and casts_alone and not then.generated and {now.type, then.type} <= _INTEGERS
            yield Retyped(table, name, then.type, is_plain=is_plain, is_exact=is_exact)


def _is_cast_back(key: str, reverted: Sequence[Migration]) -> bool:
    """Tells whether the migrations, run again, give a column its type by nothing but the cast."""
    for migration in reverted:
        for effect in () if migration.effect is None else migration.effect.statements:
            lines = [line for line in (*effect.patch.minus, *effect.patch.plus) if key_of(line) == key]
            text = migration.statements[effect.number - 1].text
            if lines and (len(lines) < len(("minus", "plus")) or re.search(r"\bUSING\b", text, re.IGNORECASE)):
                return False
    return True


def _decision(
    scripts: Sequence[RollbackScript],
    reverted: Sequence[Migration],
    patch: Patch,
    catalog: Catalog,
    copied: Collection[str],
    touched: Collection[str],
) -> Decision:
    """Returns the rollback in the form of a migration, with the patch as the effect of its last statement.

    + copied: tables that are copied from before they change
    + touched: keys of what stays and gets back its owner, grants or comments
    """
    statements = tuple(statement for script in scripts for statement in script.statements)
    numbered = tuple(replace(statement, number=number) for number, statement in enumerate(statements, start=1))
    locks = tuple(
        Lock(_STRONGEST, relation)
        for relation in sorted(
            {
                lock.relation
                for migration in reverted
                if migration.effect is not None
                for effect in migration.effect.statements
                for lock in effect.locks
                if sql_name(lock.mode) is not None
            }.union(copied)
        )
        if f"table {relation}" in catalog.by_key
    )
    effects = tuple(
        StatementEffect(
            number=statement.number,
            words=statement.words,
            checksum=statement.checksum,
            patch=patch if statement is numbered[-1] else Patch(),
            locks=locks if statement is numbered[0] else (),
            touches=tuple(sorted(touched)) if statement is numbered[-1] else (),
        )
        for statement in numbered
    )
    migration = Migration(
        version=0,
        name=" and ".join(script.name for script in scripts),
        header=Header(purpose=scripts[0].purpose, phase="contract"),
        statements=numbered,
        checksum=checksum_of("\n;".join(statement.text for statement in numbered)),
        effect=Effect("", effects),
    )
    return Decision(
        migration,
        Action.APPLY,
        Judgement(State.PENDING, {}),
        statements=tuple(statement.number for statement in numbered),
        patch=patch,
        present=patch.minus,
        absent=patch.plus,
    )


@dataclass(frozen=True)
class Retyped:
    """A column that stays and gets another type: what that cannot hold is kept.

    + table, column: as in a key; type: the one that it gets
    + is_plain: the way forward gives it its type back by nothing but the cast
    + is_exact: no value is another one in the other type, so that it tells rows apart on both ways
    """

    table: str
    column: str
    type: str
    is_plain: bool
    is_exact: bool = False


@dataclass(frozen=True)
class Rollback:
    """What a rollback does on one database.

    + scripts: in the order in which they run
    + reverted: the migrations that go, newest first
    + patch: the lines that go and come back
    + tables, columns: what is copied into the quarantine before it is dropped, also what the script makes again
    + retyped: columns of which is kept what their other type cannot hold
    + decision: the same as a decision of a plan, so that it runs as a migration does
    + objects: keys of what goes; renamed: of these, what only gets another name or schema
    + conflicts: rows that give way; kept: what others built on what goes, dropped and made again later
    + found_there: keys of what goes although no run made it: a migration found it in place and took it over
    + damaged: tables of the registry that are; then it is put aside, and the effects decide
    + table_bytes: size of each plain table on which an index comes back; needed_bytes: room for copies and indexes
    """

    scripts: tuple[RollbackScript, ...]
    reverted: tuple[Migration, ...]
    patch: Patch
    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    decision: Decision = field(repr=False)
    objects: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    conflicts: tuple[Conflict, ...] = ()
    on_conflict: str = "abort"
    kept: tuple[KeptObject, ...] = ()
    table_bytes: Mapping[str, int] = field(default_factory=dict)
    needed_bytes: int = 0
    found_there: frozenset[str] = frozenset()
    damaged: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()
