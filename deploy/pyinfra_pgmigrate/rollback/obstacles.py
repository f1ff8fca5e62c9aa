"""What stands in the way of a rollback on one database: asked, not changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.lines import key_of, unescaped
from ..psql.answer import Answer, Unreadable
from ..psql.question import Question
from ..psql.script import Run, items, joined, session_of, settings_of
from ..resources import read_sql
from .blockers import Dependent
from .plan import unique_rules
from .script import rules_of
from .turn import Rollback


def obstacles(rollback: Rollback, run: Run, schema: str) -> Question[Obstructions | Unreadable]:
    """Asks what stands in the way of a rollback.

    Locks: reads only; needs the right to make temporary tables.
    """
    values = {
        "rules": rules_of(unique_rules(rollback)),
        "columns": items([*map(unescaped, one)] for one in rollback.columns),
        "retyped": items([unescaped(one.table), unescaped(one.column)] for one in rollback.retyped),
        "going": items(sorted(map(unescaped, rollback.objects - rollback.renamed))),
        "changing": items(sorted({unescaped(key_of(line)) for line in rollback.patch.minus})),
        "tables": items(map(unescaped, rollback.tables)),
        "rules_on": items(sorted({rule.on for rule in rollback.rules})),
    }
    parts = [settings_of(values), "BEGIN;", "SET LOCAL lock_timeout = '10s';"]
    parts += map(read_sql, ("rollback/sizes", "rollback/dependents"))
    parts += map(read_sql, ("rollback/lock_rules", "psql/check_reading", "rollback/conflicting", "rollback/conflicts"))
    session = [*session_of(run, schema, "obstacles"), read_sql("psql/reading")]
    script = joined([*session, *parts, "ROLLBACK;"])
    return Question(f"what is in the way of {rollback.decision.migration.name}", script, obstructions_in)


@dataclass(frozen=True)
class Obstructions:
    """What stands in the way of a rollback.

    + conflicts: as conflicts.sql tells them, by rule
    + table_bytes, needed_bytes: as in ``Rollback``
    """

    conflicts: tuple[Mapping[str, Any], ...]
    dependents: tuple[Dependent, ...]
    table_bytes: Mapping[str, int]
    needed_bytes: int


def obstructions_in(answer: Answer) -> Obstructions | Unreadable:
    """Returns what stands in the way of a rollback. Raises TypeError where the answer does not say."""
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    return Obstructions(
        tuple(answer.value("conflicts")),
        tuple(Dependent(one["key"], one["gone"], one["made"]) for one in answer.value("dependents")),
        answer.value("sizes")["tables"],
        answer.value("sizes")["bytes"],
    )
