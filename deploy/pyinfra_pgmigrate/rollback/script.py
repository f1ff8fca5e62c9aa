"""The script of a rollback. Pure: the plan goes in, text comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..catalog.lines import bare_name, qualified, unescaped
from ..execution.steps import Around, Step, steps_of
from ..psql.script import Run, items, joined, seen_from_schema, session_of, setting, settings_of
from ..registry.schema import claimed
from ..resources import read_sql
from ..sqltext.targets import renamed_columns
from .blockers import Rule
from .plan import may_be_set, unique_rules
from .turn import Rollback


def step_back(rollback: Rollback) -> Step:
    """Returns the one step of a rollback."""
    (step,) = steps_of(rollback.decision, ends_run=True)
    around = Around(
        before=tuple(_kept_before(rollback)),
        after=(
            setting("emptied", items([])),
            read_sql("execution/keep_after"),
            read_sql("rollback/nothing_lost"),
            *_rules_back(rollback),
        ),
        register=read_sql("rollback/rollback_register"),
        sets_aside=bool(rollback.damaged),
    )
    return replace(step, around=around)


def rules_of(rules: Iterable[Rule]) -> str:
    """Returns unique rules as JSON, for a variable of psql."""
    return items(
        {
            "table": rule.on,
            "columns": rule.columns,
            "nulls_distinct": rule.nulls_distinct,
            "predicate": rule.predicate,
        }
        for rule in rules
    )


def build(rules: Sequence[Rule], rollback: Rollback, run: Run, schema: str) -> str:
    """Returns the script that builds indexes before a cut-over, without a lock that keeps a writer out."""
    parts = [*session_of(run, schema, "build"), *claimed(run, sets_aside=bool(rollback.damaged))]
    for rule in rules:
        parts += [setting("built", items([qualified(rule.index, schema)])), read_sql("execution/drop_invalid")]
        parts += [setting("statement", rule.ahead), *seen_from_schema(read_sql("rollback/build"))]
    return joined(parts)


def drop_built(rules: Sequence[Rule], rollback: Rollback, run: Run, schema: str, *, lock_timeout_ms: int) -> str:
    """Returns the script that takes such indexes back, as long as the rollback has not come to pass."""
    values = {
        "built": items(qualified(rule.index, schema) for rule in rules),
        "reverted": items(migration.version for migration in rollback.reverted),
        "lock_timeout_ms": lock_timeout_ms,
    }
    parts = [*session_of(run, schema, "drop built"), *claimed(run), settings_of(values)]
    return joined([*parts, read_sql("rollback/drop_built")])


def _kept_before(rollback: Rollback) -> list[str]:
    statements = [statement for script in rollback.scripts for statement in script.statements]
    renamed = {name for statement in statements for name in renamed_columns(statement)}
    values = {
        "tables": items(map(unescaped, rollback.tables)),
        "columns": items(
            [
                *(
                    [
                        unescaped(table),
                        unescaped(column),
                        may_be_set(rollback, table, column),
                        None,
                        # It does not go, and may tell rows apart.
                        bare_name(column) in renamed,
                    ]
                    for table, column in rollback.columns
                ),
                *(
                    [
                        unescaped(one.table),
                        unescaped(one.column),
                        True,
                        "plain" if one.is_plain else "other",
                        one.is_exact,
                    ]
                    for one in rollback.retyped
                ),
            ]
        ),
        "sequences": "null",
        "reverted": items([one.version, one.name, one.checksum] for one in rollback.reverted),
        "rules": rules_of(unique_rules(rollback)),
        "on_conflict": rollback.on_conflict,
        "keeps": items(reference for script in rollback.scripts for reference in script.keeps),
    }
    parts = [settings_of(values), "\\set kept_by :run_id", read_sql("rollback/rollback_locks")]
    parts.append(read_sql("psql/check_reading"))
    if rollback.conflicts:
        parts += map(
            read_sql,
            (
                "rollback/conflicting",
                "rollback/resolve_tables",
                "psql/check_writing",
                "execution/triggers_off",
                "rollback/resolve",
                "execution/triggers_on",
            ),
        )
    if rollback.kept:
        kept = items([one.object, one.gone, one.statements, sorted(one.lines)] for one in rollback.kept)
        parts += [setting("dependents", kept), read_sql("rollback/dependents_kept")]
    return [*parts, read_sql("execution/keep")]


def _rules_back(rollback: Rollback) -> list[str]:
    rules = items([rule.kind, rule.on, rule.name, rule.definition, rule.index, rule.ending] for rule in rollback.rules)
    return [setting("rules", rules), read_sql("rollback/rules_back")]


def drop_quarantine_script(run_id: str, run: Run, schema: str) -> str:
    """Returns the script that throws away what the rollback of a run kept.

    + run_id: its beginning
    """
    parts = [*session_of(run, schema, "drop quarantine"), *claimed(run), setting("run", run_id)]
    return joined([*parts, read_sql("rollback/drop_quarantine")])
