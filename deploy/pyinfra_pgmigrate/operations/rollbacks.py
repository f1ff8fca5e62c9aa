"""The operation that takes migrations back."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, operation

from .. import execution
from ..engine import Engine, current_host, is_preparing
from ..errors import Refusal
from ..rollbacks import Rollback


@operation()
def rollback(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that the migrations after pg_target are taken back, each row that goes kept in the quarantine.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: what the migrations did, turned round, in one transaction: all or nothing; the registry. Refuses:
    when the rollback scripts do not revert just that, when rows break a rule that comes back, when others
    built on what would go, and when the catalog would not be what it was before. Needs: the owner of the
    tables. Locks: ACCESS EXCLUSIVE on every table that the migrations locked, asked for as by ``migration``.
    """
    engine = Engine.of(current_host(), overrides)
    unnamed = engine.unnamed("roll back")
    if unnamed is not None:
        told = unnamed
        yield FunctionCommand(lambda state, host: engine.refuse(told), (), {})
        return
    seen = engine.wait_for_turn() if not is_preparing() else engine.look()
    if not isinstance(seen, Refusal) and seen.server.in_recovery:
        context.host.noop("this server is a standby: it follows its primary")
        return
    target = engine.settings.target
    found = seen if isinstance(seen, Refusal) else engine.plan_rollback(target=target, observed=seen)
    if isinstance(found, Refusal):
        refusal = found
        yield FunctionCommand(lambda state, host: engine.refuse(refusal), (), {})
    elif found is None:
        context.host.noop("none of the migrations is there any more")
    else:
        plan: Rollback = found

        def revert() -> bool:
            refusal = execution.revert(engine, plan, target=target)
            if refusal is not None:
                return engine.refuse(refusal)
            for conflict in plan.conflicts:
                done = "renamed" if plan.on_conflict == "rename" else "moved with all that hangs on them"
                engine.tell(f"    {done}: {conflict.rows} rows of table {conflict.hanging[0]}")
            for table in plan.tables:
                engine.tell(f"    kept: all rows of table {table}")
            for table, column in plan.columns:
                engine.tell(f"    kept: what was not the default in column {table}.{column}")
            if plan.tables or plan.columns:
                engine.tell("    they are in schema pgmigrate; which table holds what: pgmigrate.quarantines")
            return True

        yield FunctionCommand(lambda state, host: revert(), (), {})
