"""The way back: rollback scripts, and what one run of them does on a database. Pure: no I/O but the files.

What goes and what comes back is not read from the script: it is the patch of the migrations, turned round,
as the registry holds it for this database (as their effects say where it holds nothing). The script says
how; whether it did just that is checked before it is committed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..catalog.lines import Catalog, key_of, parts_of, unescaped
from ..errors import Kind, Refusal
from ..migrations.effect import Effect, Lock
from ..migrations.files import Migration
from ..planning.evidence import began_places
from ..planning.predict import Outlook
from ..planning.state import Judgement, State, StatementState, in_order, judge
from ..planning.timeline import Timeline, standing
from ..registry.model import Observed
from ..sqltext.parser import (
    STRUCTURAL,
)
from .blockers import (
    Conflict,
    Dependent,
    Rule,
    kept_objects,
    refusal_for_dependents,
    refusal_for_rows,
    together,
)
from .scripts import RollbackScript
from .turn import Rollback, rule_of, turned

# Texts and names in quotes: what stands in them is no word of SQL.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def make_rollback(
    migrations: Sequence[Migration], scripts: Sequence[RollbackScript], observed: Observed, target: int | None
) -> Rollback | Refusal | None:
    """Returns what a rollback does on this database, why it may not, or None where nothing is to go.

    + scripts: newest first
    + target: version that stays; None: the one before all that the newest script reverts
    """
    if not scripts:
        return Refusal(
            Kind.FILE,
            "could not find a rollback script",
            "Found no file rollback_*.sql in the SQL folder; expected one whose header says what it reverts.",
            "Draft one from the effects, and read it: pgmigrate draft-rollback 001-006",
        )
    newest = max((*(migration.version for migration in migrations), *observed.applied), default=0)
    if target is not None and target > newest:
        known = ", ".join(f"{one.version:03}" for one in migrations)
        return Refusal(
            Kind.SETTINGS,
            f"could not find migration {target:03}, the last one to keep",
            f"Found pg_target {target:03}; expected 0 or one of {known}.",
            "Correct --data pg_target=NNN, or leave it out to keep what the newest rollback script leaves.",
        )
    stays = scripts[0].first - 1 if target is None else target
    states = _judged(migrations, observed)
    later = [migration for migration in migrations if migration.version > stays]
    if not any(_is_there(migration, observed, states) for migration in later):
        return None
    reverted = tuple(
        migration
        for migration in reversed(later)
        if _is_there(migration, observed, states) or _has_removed(migration, observed.catalog, states)
    )
    refusal = _uncovered(reverted, scripts, stays) or _unclear(reverted, states)
    if refusal is not None:
        return refusal
    chosen = tuple(script for script in scripts if script.first > stays and _covers(script, reverted))
    return turned(reverted, chosen, observed, states)


def _judged(migrations: Sequence[Migration], observed: Observed) -> dict[int, Judgement]:
    """Returns what the catalog says of each migration, by version."""
    timeline = Timeline(in_order(migrations, observed.applied))
    registered = sum(one.version in observed.applied for one in migrations)
    found = standing(timeline, observed.catalog.lines, first=registered, began=began_places(timeline, observed))
    outlook = Outlook(observed.catalog)
    states = {}
    for place, one in enumerate(timeline.order, start=1):
        states[one.version] = judge(timeline, place, found, outlook.lines, outlook.of_key)
        is_pending = one.version not in observed.applied and states[one.version].state is State.PENDING
        if is_pending and one.effect is not None:
            # Those after it are judged as if it were there: else one that renames what it makes would be half there.
            outlook.patch(one.effect.patch)
    return states


def conflicts_of(rollback: Rollback, found: Sequence[Mapping[str, Any]]) -> tuple[Conflict, ...]:
    """Returns the conflicts that conflicts.sql told of, for the unique rules of a rollback in their order."""
    rules = unique_rules(rollback)
    return tuple(
        Conflict(
            rule=rules[one["rule"] - 1],
            count=one["count"],
            stuck=one["stuck"],
            rows=one["rows"],
            first=tuple((tuple(keys), tuple(says)) for keys, says in one["first"]),
            names=tuple((old, new) for old, new in one["names"]) if one["name_column"] else (),
            hanging=tuple(one["hanging"]),
            has_key=one["has_key"],
        )
        for one in found
    )


def unique_rules(rollback: Rollback) -> tuple[Rule, ...]:
    """Returns the unique rules that come back."""
    return tuple(rule for rule in rollback.rules if rule.columns)


def resolving(
    rollback: Rollback,
    catalog: Catalog,
    conflicts: tuple[Conflict, ...],
    dependents: tuple[Dependent, ...],
    *,
    on_conflict: str,
    keeps_dependents: bool,
    table_bytes: Mapping[str, int],
    needed_bytes: int,
) -> Rollback | Refusal:
    """Returns the rollback that also clears its way, or why that cannot be.

    + conflicts: rows that are renamed or moved; dependents: what others built and is made again on the way forward
    + on_conflict: abort, rename or quarantine
    + keeps_dependents: False refuses where there are any
    """
    refusals = [refusal_for_dependents(dependents, keeps=keeps_dependents)]
    refusals += [refusal_for_rows(one, on_conflict) for one in conflicts]
    if any(refusals):
        return together([one for one in refusals if one is not None])
    kept = tuple(kept_objects(dependents, rollback.patch, catalog))
    hanging = {table for one in conflicts for table in one.hanging} if on_conflict == "quarantine" else set()
    migration = rollback.decision.migration
    effects = () if migration.effect is None else migration.effect.statements
    more = tuple(Lock("ShareRowExclusiveLock", table) for table in sorted(hanging))
    effect = Effect("", (replace(effects[0], locks=(*effects[0].locks, *more)), *effects[1:]))
    decision = replace(
        rollback.decision,
        migration=replace(migration, effect=effect),
        present=rollback.decision.present.union(*(one.lines for one in kept)),
    )
    return replace(
        rollback,
        decision=decision,
        conflicts=conflicts,
        on_conflict=on_conflict,
        kept=kept,
        table_bytes=table_bytes,
        needed_bytes=needed_bytes,
    )


def may_be_set(rollback: Rollback, table: str, column: str) -> bool:
    """Tells whether the way forward may give a column, in rows that are there, what is not its default now.

    Then the rows that have the default now are kept as well: it would not come again by itself.
    """
    if f"column {table}.{column}" not in rollback.objects or not _is_as_added(rollback, table, column):
        # In the first case the script alone drops it, and makes it again.
        return True
    words = {unescaped(parts_of(table)[1]).strip('"'), unescaped(column).strip('"')}
    return any(
        statement.node not in STRUCTURAL
        and re.search(r"\b(?:UPDATE|MERGE)\b", statement.text, re.IGNORECASE)
        and all(word.replace('""', '"') in statement.text.replace('""', '"') for word in words)
        for migration in rollback.reverted
        for statement in migration.statements
    )


def _is_as_added(rollback: Rollback, table: str, column: str) -> bool:
    """Tells whether one statement added a column as it is now, so that it gives rows that are there its default."""
    key = f"column {table}.{column}"
    made = [
        (statement, migration.effect_of(statement).patch)
        for migration in rollback.reverted
        for statement in (migration.statements if migration.effect is not None else ())
        if any(key_of(line) == key for line in migration.effect_of(statement).patch.plus)
    ]
    if len(made) != 1:
        return False
    ((statement, patch),) = made
    defaults = sum(line.startswith("column ") and " default " in line for line in patch.plus)
    # A column that it takes away may have been this one, of another name, type or default.
    changed = any(line.startswith("column ") for line in patch.minus)
    return not changed and len(re.findall(r"\bDEFAULT\b", _QUOTED.sub("", statement.text), re.IGNORECASE)) == defaults


def built_ahead(rollback: Rollback, from_bytes: int) -> tuple[Rule, ...]:
    """Returns the indexes and unique constraints to build before the cut-over.

    + from_bytes: size of a table from which on that is worth while
    """
    in_conflict = {conflict.rule for conflict in rollback.conflicts}
    return tuple(
        rule
        for rule in rollback.rules
        if rule.ahead and rule not in in_conflict and rollback.table_bytes.get(rule.on, -1) >= from_bytes
    )


def _is_there(migration: Migration, observed: Observed, states: Mapping[int, Judgement]) -> bool:
    state = states[migration.version]
    # Of one that is pending a statement counts as done where another one of it takes back what it does.
    has_begun = state.state in (State.PARTIAL, State.APPLIED, State.CONFLICT)
    is_seen = has_begun and bool(state.numbers(StatementState.DONE, StatementState.MIXED))
    return migration.version in observed.applied or is_seen


def _has_removed(migration: Migration, catalog: Catalog, states: Mapping[int, Judgement]) -> bool:
    """Tells whether a migration that only takes lines away did so, as far as the catalog alone can tell."""
    state = states[migration.version]
    if migration.effect is None or not state.numbers(StatementState.VACUOUS):
        return False
    standing = {rule_of(line) for line in catalog.lines} - {None}
    return any(rule_of(line) not in standing for line in migration.effect.patch.minus)


def _covers(script: RollbackScript, reverted: Collection[Migration]) -> bool:
    return any(script.first <= migration.version <= script.last for migration in reverted)


def _uncovered(reverted: Sequence[Migration], scripts: Sequence[RollbackScript], stays: int) -> Refusal | None:
    usable = [script for script in scripts if script.first > stays]
    bare = [
        migration
        for migration in reverted
        if not any(script.first <= migration.version <= script.last for script in usable)
    ]
    if not bare:
        return None
    known = ", ".join(f"{script.name} ({script.first:03}-{script.last:03})" for script in scripts)
    return Refusal(
        Kind.ORDER,
        f"could not roll back to {stays:03}: no script reverts migration {bare[-1].name} alone",
        f"Found {known}; expected scripts that revert just what comes after {stays:03}.",
        f"Name another target, such as --data pg_target={scripts[0].first - 1}, or write the script.",
    )


def _unclear(reverted: Sequence[Migration], states: Mapping[int, Judgement]) -> Refusal | None:
    for migration in reverted:
        state = states[migration.version]
        if migration.effect is None and migration.stale is not None:
            return migration.stale
        if state.state is State.CONFLICT and state.clashes:
            clash = state.clashes[0]
            return Refusal(
                Kind.CONFLICT,
                f'could not roll back migration "{migration.name}": {clash.key} was changed since',
                f"Found {clash.found or 'nothing'}; expected {clash.expected}.",
                "Bring the object back to what the migration made, or remove it by hand.",
            )
    return None
