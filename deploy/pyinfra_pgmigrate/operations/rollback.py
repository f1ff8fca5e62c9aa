"""The operation that takes migrations back."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, operation

from ..backup.keeper import Keeper
from ..errors import Kind, PgMigrateError, Refusal
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host, is_preparing
from ..host.run import Prepared
from ..planning.database import DatabaseSession
from ..registry.model import Observed, Quarantine
from ..rollback.look import plan_rollback
from ..rollback.runner import revert
from ..rollback.script import drop_quarantine_script
from ..rollback.turn import Rollback
from ..units import size

# What a rollback would do, as it was found in the prepare phase, or why it may not; None: nothing is to go.
prepared: Prepared[Rollback | Refusal | None] = Prepared()


def no_room(session: DatabaseSession, seen: Observed, rollback: Rollback) -> Refusal | None:
    """Returns why there is no room for what a rollback keeps and builds, or None; asks the host."""
    try:
        free = Keeper(session).look(seen).data_free_bytes
    except PgMigrateError:
        free = None
    # What is written goes through the write-ahead log as well.
    needed = 2 * rollback.needed_bytes
    if free is None or free >= needed:
        return None
    return Refusal(
        Kind.ROOM,
        f'could not roll back database "{session.settings.connection.database}": not enough room where the server '
        "keeps its data",
        f"Found {size(free)} free; expected {size(needed)} for the rows that are kept and the indexes "
        "that are built again. Nothing was changed.",
        "Make room there, then run again; deploy/status.py lists what earlier rollbacks kept.",
    )


@operation()
@on_one_host
def drop_quarantine(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that what the rollback of run pg_quarantine_drop kept is not there any more.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: tables and rows of the registry; it cannot be undone. Refuses: where that run never kept anything.
    Needs: the owner of the registry. Locks: ACCESS EXCLUSIVE on the tables that go, which nobody else uses.
    """
    session = DatabaseSession.of(current_host(), overrides)
    seen = session.look()
    refusal = seen if isinstance(seen, Refusal) else dropping(session, seen)
    if refusal is not None:
        told = refusal
        yield FunctionCommand(lambda state, host: session.refuse(told), (), {})
    elif isinstance(seen, Refusal) or not in_quarantine(session, seen):
        context.host.noop("it is not there any more")
    else:

        def drop() -> bool:
            answer = session.psql(
                drop_quarantine_script(str(session.settings.quarantine_drop), session.run, session.settings.schema)
            )
            if answer.status == 0 and not answer.values("outcome"):
                return True
            return session.refuse(
                Refusal(
                    Kind.FAILED,
                    "could not drop what a rollback kept",
                    f"Found: {answer.message or answer.errors or 'another run is at work'}. All of it is still there.",
                    "Remove the cause, then run again.",
                )
            )

        yield FunctionCommand(lambda state, host: drop(), (), {})


def in_quarantine(session: DatabaseSession, seen: Observed) -> list[Quarantine]:
    """Returns what is there of the run that pg_quarantine_drop names."""
    kept = () if seen.registry is None else seen.registry.quarantines
    return [one for one in kept if one.run_id.startswith(str(session.settings.quarantine_drop))]


def dropping(session: DatabaseSession, seen: Observed) -> Refusal | None:
    """Returns why a quarantine may not be thrown away, or None."""
    run = str(session.settings.quarantine_drop)
    known = () if seen.registry is None else seen.registry.quarantined_runs
    if any(one.startswith(run) for one in known):
        return (
            session.unnamed("drop what a rollback kept of", "It cannot be undone.")
            if in_quarantine(session, seen)
            else None
        )
    there = ", ".join(sorted(one[:8] for one in known)) or "none"
    return Refusal(
        Kind.SETTINGS,
        f"could not find a quarantine of run {run}",
        f"Found {there}; expected the run that pg_quarantine_drop names.",
        "See what is there: deploy/status.py without pg_quarantine_drop",
    )


@operation()
@on_one_host
def rollback(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that the migrations after pg_target are taken back, each row that goes kept in the quarantine.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: what the migrations did, turned round, in one transaction: all or nothing; the registry. Refuses:
    without room for what is kept,
    when the rollback scripts do not revert just that, when rows break a rule that comes back, when others
    built on what would go, and when the catalog would not be what it was before. Needs: the owner of the
    tables. Locks: ACCESS EXCLUSIVE on every table that the migrations locked, asked for as by ``migration``.
    """
    session = DatabaseSession.of(current_host(), overrides)
    unnamed = session.unnamed("roll back")
    if unnamed is not None:
        told = unnamed
        yield FunctionCommand(lambda state, host: session.refuse(told), (), {})
        return
    if is_preparing() and (before := prepared.of(session.host, overrides)):
        if before[0] is None:
            context.host.noop("none of the migrations is there any more")
        else:
            yield FunctionCommand(lambda state, host: False, (), {})  # only counted: a change is expected
        return
    seen = session.wait_for_turn() if not is_preparing() else session.look()
    if not isinstance(seen, Refusal) and seen.server.in_recovery:
        context.host.noop("this server is a standby: it follows its primary")
        return
    target = session.settings.target
    found = seen if isinstance(seen, Refusal) else plan_rollback(session, target=target, observed=seen)
    if isinstance(found, Refusal):
        refusal = found
        yield FunctionCommand(lambda state, host: session.refuse(refusal), (), {})
    elif found is None:
        context.host.noop("none of the migrations is there any more")
    elif not isinstance(seen, Refusal) and (lack := no_room(session, seen, found)) is not None:
        yield FunctionCommand(lambda state, host: session.refuse(lack), (), {})
    else:
        plan: Rollback = found

        def take_back() -> bool:
            with session.phase("Rollback"):
                refusal = revert(session, plan, target=target)
                if refusal is not None:
                    return session.refuse(refusal)
            for conflict in plan.conflicts:
                done = "renamed" if plan.on_conflict == "rename" else "moved, with the rows that reference them"
                session.tell(f"    {done}: {conflict.rows} rows of table {conflict.hanging[0]}")
            for table in plan.tables:
                session.tell(f"    kept: all rows of table {table}")
            for table, column in plan.columns:
                session.tell(f"    kept: what was not the default in column {table}.{column}")
            for one in plan.retyped:
                session.tell(f"    kept: the values of column {one.table}.{one.column} that {one.type} cannot hold")
            if plan.tables or plan.columns or plan.retyped:
                session.tell("    they are in schema pgmigrate; which table holds what: pgmigrate.quarantines")
            return True

        yield FunctionCommand(lambda state, host: take_back(), (), {})
