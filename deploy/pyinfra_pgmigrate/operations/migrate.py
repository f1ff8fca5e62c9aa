"""Operations on the structure of one database: may it be migrated, one migration, all that are pending.

Every argument is the same on all hosts; what differs is read in the generator. Each refuses on one
host by a callback that returns False: an exception would stop the others.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from time import monotonic
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, Host, State, operation

from ..backup.keeper import Keeper
from ..backup.verify import register_backup
from ..errors import Refusal
from ..execution.ending import Ending
from ..execution.runner import execute as run_plan
from ..execution.trace import StatementTrace
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host, is_preparing
from ..host.run import Prepared
from ..physical.point import register_point
from ..planning.database import DatabaseSession
from ..planning.decision import OUTCOME, Action, Decision
from ..planning.plan import Plan
from ..psql.script import prepared as prepared_script
from ..registry.model import Observed
from ..rehearsal.rehearse import tell_compared
from ..validation import measure

# The plans as they were made in the prepare phase, or why there is none.
prepared: Prepared[Plan | Refusal] = Prepared()


def _refuse(session: DatabaseSession, refusals: Collection[Refusal], told: Collection[Refusal] = ()) -> FunctionCommand:
    """Returns the command that fails this host alone and says why.

    + told: refusals that stand further above in full
    """

    def refuse(state: State, host: Host) -> bool:
        for refusal in refusals:
            if refusal in told:
                session.tell_error(f"{refusal.message} (details above)")
            else:
                session.tell_refusal(refusal)
        if session.memory.has_begun:
            # Its earlier migrations stay; whoever repairs what is refused need not wait for this run.
            session.psql(prepared_script(session.run, session.schema, "registry/end_run"))
        return False

    return FunctionCommand(refuse, (), {})


def _execute(session: DatabaseSession, seen: Observed, plan: Plan, versions: Collection[int]) -> FunctionCommand:
    def execute(state: State, host: Host) -> bool:
        measure.before(session, seen)
        traces: list[StatementTrace] = []
        names = [one.migration.name for one in plan.changes if one.migration.version in versions]
        with session.phase(names[0] if len(names) == 1 else f"{len(names)} migrations"):
            started = monotonic()
            refusal = run_plan(session, plan, versions, traces, ending=Ending.of(plan, versions))
            if refusal is None:
                _tell_applied(session, [one for one in plan.changes if one.migration.version in versions], started)
            if session.memory.taken is not None and not any(one.row for one in plan.decisions):
                # It was taken when there was no registry yet to take it down.
                keeper = Keeper(session)
                keeper.folder = session.memory.backup_folder
                register_backup(keeper, session.memory.taken)
            if session.memory.point is not None:
                register_point(Keeper(session), session.memory.point)
            tell_compared(session, traces)
            return True if refusal is None else session.refuse(refusal)

    return FunctionCommand(execute, (), {})


def _tell_applied(session: DatabaseSession, decisions: Sequence[Decision], started: float) -> None:
    """Tells one line a migration: what it is now, and for one alone how long that took."""
    for decision in decisions:
        took = f" in {monotonic() - started:.1f} s" if len(decisions) == 1 else ""
        done = "recorded as applied" if decision.action is Action.ADOPT else OUTCOME[decision.action]
        session.tell(f"{decision.migration.name}: {done}{took}")


def _refusals_of(found: Plan | Refusal | None) -> tuple[Refusal, ...]:
    if isinstance(found, Refusal):
        return (found,)
    return () if found is None else found.refusals


def _current_plan(
    session: DatabaseSession, ask: Collection[int] | None
) -> tuple[Plan | Refusal | None, Observed | None]:
    """Returns the plan after waiting for another run, None of a standby, and the database of which it is."""
    seen = session.wait_for_turn()
    if isinstance(seen, Refusal):
        return seen, None
    if seen.server.in_recovery:
        return None, seen
    plan = session.plan(ask=ask, observed=seen)
    if isinstance(plan, Plan) and not plan.refusals and ask:
        session.tell_snapshots(seen, plan, ask)
    return plan, seen


@operation()
@on_one_host
def check(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that a database may be migrated: it is there, and nothing refuses the plan.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: nothing. Refuses: whatever the plan refuses, with message, DETAIL and HINT. Waits for
    another run, at most pg_run_wait_s. Locks: reads only.
    """
    host = current_host()
    session = DatabaseSession.of(host, overrides)
    before = next(iter(prepared.of(host, overrides)), None)
    if is_preparing():
        found: Plan | Refusal | None = before
    else:
        # Verify queries may read much: they were asked a moment ago, and each migration asks its own.
        is_clean = isinstance(before, Plan) and not before.refusals
        found, seen = _current_plan(session, () if is_clean else None)
        if not _refusals_of(found):
            session.memory.saw(seen, session.schema)
            session.forgive()
    if refusals := _refusals_of(found):
        yield _refuse(session, refusals, told=_refusals_of(before))
    else:
        context.host.noop(f'nothing is refused on database "{session.settings.connection.database}"')


@operation()
@on_one_host
def migration(version: int, overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that one migration holds on the database: applies, resumes, adopts or repairs it.

    + version: its number
    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: what its effect file says, and the registry. Refuses: see the decision table in ``plan``;
    then nothing of it is changed. Needs: the owner of the tables that it changes. Locks: as recorded in
    its effect file, asked for without queueing for pg_lock_poll_s, then for at most pg_lock_timeout_s,
    again until pg_lock_budget_s is over.
    """
    host = current_host()
    session = DatabaseSession.of(host, overrides)
    if is_preparing():
        before = next(iter(prepared.of(host, overrides)), None)
        decision = before.of(version) if isinstance(before, Plan) else None
        if decision is None or decision.changes:
            yield _refuse(session, ())  # only counted: a change is expected
        return
    plan, seen = _current_plan(session, [version])
    if refusals := _refusals_of(plan):
        yield _refuse(session, refusals)
        return
    decision = plan.of(version) if isinstance(plan, Plan) else None
    if not isinstance(plan, Plan) or decision is None or seen is None:
        context.host.noop("this server is a standby: it follows its primary")
    elif decision.action is Action.HOLD:
        session.tell(f"held back: {decision.reason}; to apply it all the same: --data pg_release=true")
    elif not decision.changes:
        context.host.noop(f'migration "{decision.migration.name}" is already applied')
    else:
        yield _execute(session, seen, plan, [version])


@operation()
@on_one_host
def migrations(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that all migrations hold on the database, in one session; see ``migration``.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Each still has its own transactions and its own registry row. Saves a connection a migration.
    """
    host = current_host()
    session = DatabaseSession.of(host, overrides)
    if is_preparing():
        yield _refuse(session, ())  # only counted: a change is expected
        return
    plan, seen = _current_plan(session, None)
    if refusals := _refusals_of(plan):
        yield _refuse(session, refusals)
    elif isinstance(plan, Plan) and plan.changes and seen is not None:
        yield _execute(session, seen, plan, [decision.migration.version for decision in plan.changes])
    else:
        context.host.noop("all migrations are already applied")
