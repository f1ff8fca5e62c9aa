"""Plans of captured states, as ``DatabaseSession.plan`` comes to them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pyinfra_pgmigrate.planning.decision import Decision
from pyinfra_pgmigrate.planning.plan import Plan, make_plan, to_ask
from pyinfra_pgmigrate.rollback.plan import conflicts_of, make_rollback, resolving
from pyinfra_pgmigrate.rollback.scripts import load_rollbacks
from pyinfra_pgmigrate.rollback.turn import Rollback
from pyinfra_pgmigrate.settings import read_settings

from tests.support.captured import observed, obstructions, verified
from tests.support.migrations import MIGRATIONS
from tests.support.servers import SQL

SCRIPTS = load_rollbacks(SQL)


def plan(state: str, version: int = 18, **data: Any) -> Plan:
    """Returns the plan of a state; verify queries are asked where their answer counts."""
    settings = read_settings({"pg_database": "shop", **data})
    first = make_plan(MIGRATIONS, observed(version, state), settings, {})
    queries = to_ask(first)
    if not queries:
        return first
    answers = verified(version, state)
    return make_plan(MIGRATIONS, observed(version, state), settings, {one: answers[one] for one in queries})


def decision(state: str, migration: int, version: int = 18, **data: Any) -> Decision:
    """Returns what the plan of a state does about one migration."""
    found = plan(state, version, **data).of(migration)
    if found is None:
        raise LookupError(f"{state}: {migration}")
    return found


@cache
def rollback(state: str, version: int = 18) -> Rollback:
    """Returns the rollback of a state before what is in its way was asked."""
    found = make_rollback(MIGRATIONS, SCRIPTS, observed(version, state), None)
    if not isinstance(found, Rollback):
        raise TypeError(str(found))
    return found


@cache
def resolved(state: str, version: int = 18, *, on_conflict: str = "abort", keeps: bool = False) -> Rollback:
    """Returns the rollback of a state, with what is in its way dealt with."""
    turned, way = rollback(state, version), obstructions(version, state)
    found = resolving(
        turned,
        observed(version, state).catalog,
        conflicts_of(turned, way.conflicts),
        way.dependents,
        on_conflict=on_conflict,
        keeps_dependents=keeps,
        table_bytes=way.table_bytes,
        needed_bytes=way.needed_bytes,
    )
    if not isinstance(found, Rollback):
        raise TypeError(str(found))
    return found
