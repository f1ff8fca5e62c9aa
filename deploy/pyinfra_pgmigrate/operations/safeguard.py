"""The operation that comes before the migrations: a backup, or a restore point, and a rehearsal on a copy."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, operation

from ..backup.claim import claimed_backups
from ..backup.keeper import Keeper, check_may_copy
from ..copies.copy import Copies, Copy
from ..errors import PgMigrateError, Refusal
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host, is_preparing
from ..physical.asking import covering
from ..physical.point import is_too_large
from ..planning.database import DatabaseSession
from ..registry.model import Observed
from ..rehearsal.rehearse import rehearse
from . import backup, restore_point


def would(session: DatabaseSession, seen: Observed, count: int) -> list[str]:
    """Returns what is done before the migrations, in lines; asks the host.

    + count: of the migrations. Raises PgMigrateError where it cannot be done.
    """
    check_may_rehearse(session)
    lines = []
    if not session.settings.skip_backup:
        by_point = restore_point.stands_in(session, seen)
        lines += restore_point.would(session, seen) if by_point else [backup.would(session, seen)]
    where = ""
    if on_structure(session, seen):
        where = "on a copy of the structure"
        if session.settings.rehearse == "full":
            where += " with a sample of the rows: it does not prove that all of them fit, nor how long statements take"
    elif session.settings.rehearse == "full" and not session.settings.skip_backup:
        where = "on the restored copy"
    if where:
        lines.append(f"would rehearse {count} migration{'s' if count > 1 else ''} {where}")
    return lines


def on_structure(session: DatabaseSession, seen: Observed) -> bool:
    """Tells whether migrations run on a copy of the structure first: with pg_rehearse=schema, and of a large one."""
    how = session.settings.rehearse
    is_large = how == "full" and not session.settings.skip_backup and is_too_large(Keeper(session), seen)
    return how == "schema" or is_large


def check_may_rehearse(session: DatabaseSession) -> None:
    """Raises PgMigrateError where the role may not make the copy on which migrations run first."""
    keeper, how = Keeper(session), session.settings.rehearse
    if how == "schema" or (how == "full" and not session.settings.skip_backup):
        check_may_copy(keeper, "rehearse migrations of", "--data pg_verify=read --data pg_rehearse=off")


@operation()
@on_one_host
def safeguard(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures, before migrations run, that a verified backup is there and that they succeeded on a copy.

    Above pg_full_proof_max_gib a restore point takes the place of the backup, and they run on a copy of the structure.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: as ``backup`` or ``restore_point``; the copy is dropped at the end. Refuses: as these, and when a migration
    fails on the copy: then nothing is run on the database itself.
    """
    session = DatabaseSession.of(current_host(), overrides)
    if is_preparing():
        yield FunctionCommand(lambda state, host: True, (), {})  # only counted: a change is expected
        return
    # What the operation before has seen: once the backups are claimed, it is looked at again.
    just_seen = session.memory.just_seen(session.schema, has_run_anything=True)
    seen = just_seen if just_seen is not None else session.look(asks=True)
    plan = seen if isinstance(seen, Refusal) else session.plan(observed=seen)
    refusals = (plan,) if isinstance(plan, Refusal) else plan.refusals
    if refusals:
        yield FunctionCommand(lambda state, host: session.refuse(refusals[0]), (), {})
    elif isinstance(seen, Refusal) or isinstance(plan, Refusal) or seen.server.in_recovery or not plan.runs_statements:
        context.host.noop("no statement is pending")
    else:
        versions = [decision.migration.version for decision in plan.changes]
        observed = seen
        yield backup.work(session, "Backup and rehearsal", lambda: _safeguard(session, observed, versions))


def _safeguard(session: DatabaseSession, seen: Observed, versions: Collection[int]) -> None:
    keeper = Keeper(session)
    how = session.settings.rehearse
    pending = set(versions)
    check_may_rehearse(session)

    def use(copy: Copy) -> None:
        rehearse(session, pending, copy)

    def is_due() -> bool:
        # Whoever had the claim before may have applied them.
        nonlocal pending
        pending = _still_pending(session, seen, pending)
        if not pending:
            session.tell("another run has applied it meanwhile: nothing is left to do")
        return bool(pending)

    by_point = not session.settings.skip_backup and restore_point.stands_in(session, seen)
    if by_point:
        # To be refused before anything takes long.
        covering(keeper, seen)
    elif not session.settings.skip_backup:
        # A copy of a large one would take as long as a dump of it.
        is_small = not is_too_large(keeper, seen)
        backup.ensure(keeper, seen, use if how == "full" and is_small else None, is_due)
    if on_structure(session, seen):
        with claimed_backups(keeper):
            if is_due():
                with Copies(keeper).copy_of_structure(seen, has_sample=how == "full") as copy:
                    use(copy)
    if by_point and pending:
        restore_point.ensure(session, seen)


def _still_pending(session: DatabaseSession, seen: Observed, versions: Collection[int]) -> set[int]:
    """Returns which migrations a run would still change, by the database as it is once no other run is at work on it.

    + seen: the database as it was when they were pending
    Raises PgMigrateError where it refuses now.
    """
    found = session.wait_for_turn()
    if isinstance(found, Refusal):
        raise PgMigrateError.of(found)
    if found.applied == seen.applied and found.catalog.lines == seen.catalog.lines:
        return set(versions)
    again = session.look(asks=True)
    plan = again if isinstance(again, Refusal) else session.plan(observed=again)
    refusals = (plan,) if isinstance(plan, Refusal) else plan.refusals
    if refusals or isinstance(plan, Refusal):
        raise PgMigrateError.of(refusals[0])
    return {one.migration.version for one in plan.changes} if plan.runs_statements else set()
