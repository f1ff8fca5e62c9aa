"""The operation that stands in for a backup of a database too large for a dump: a restore point."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra.api import FunctionCommand, operation

from ..backup.keeper import Keeper
from ..errors import PgMigrateError, Refusal
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host, is_preparing
from ..physical.asking import covering
from ..physical.point import full_proof, is_too_large, register_point, set_point
from ..planning.database import DatabaseSession
from ..registry.model import Observed
from ..report.journal import Pointed
from ..units import size
from .backup import secured_young, work


def stands_in(session: DatabaseSession, seen: Observed) -> bool:
    """Tells whether a restore point takes the place of a backup; asks the host where the database is large.

    It does not where there is a backup that makes another one needless.
    """
    keeper = Keeper(session)
    return is_too_large(keeper, seen) and secured_young(keeper, seen) is None


def would(session: DatabaseSession, seen: Observed) -> list[str]:
    """Returns what is done before anything starts, in lines; asks the host.

    Raises PgMigrateError where nothing covers a restore point.
    """
    keeper = Keeper(session)
    proof = full_proof(keeper, seen)
    cover = covering(keeper, seen)
    return [
        f"database of {size(seen.server.size_bytes)}, above {session.settings.full_proof_max_gib} GiB "
        "(pg_full_proof_max_gib): no dump is taken and restored",
        f"    a full proof would take {proof}",
        f"would create a restore point, covered by {cover.name}",
    ]


def told(session: DatabaseSession, seen: Observed) -> bool:
    """Tells whether a restore point takes the place of a backup, and says what would be done; fails where it cannot be.

    Asks the host where the database is large.
    """
    if not is_too_large(Keeper(session), seen):
        return False
    try:
        if not stands_in(session, seen):
            return False
        session.tell("\n".join(would(session, seen)))
    except PgMigrateError as error:
        session.tell_refusal(error.refusal)
        session.fail()
    return True


def ensure(session: DatabaseSession, seen: Observed) -> None:
    """Creates a restore point that has reached the archive, and takes it down in the registry."""
    keeper = Keeper(session)
    point = set_point(keeper, covering(keeper, seen))
    register_point(keeper, point)
    session.tell(f"{point}, covered by {point.covered_by}")
    session.tell(f"    to recover the whole server to it: {point.recover}")
    session.memory.point = point
    session.announce(Pointed(point))


@operation()
@on_one_host
def restore_point(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that a physical backup leads back to the moment before what follows.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: a record in the write-ahead log, and the registry. Refuses: where no physical backup covers it. Needs:
    EXECUTE on pg_create_restore_point; without it the LSN is taken down. Locks: none.
    """
    session = DatabaseSession.of(current_host(), overrides)
    if is_preparing():
        yield FunctionCommand(lambda state, host: False, (), {})  # only counted: a change is expected
        return
    seen = session.look()
    if isinstance(seen, Refusal):
        refusal = seen
        yield FunctionCommand(lambda state, host: session.refuse(refusal), (), {})
        return
    observed = seen
    yield work(session, "Restore point", lambda: ensure(session, observed))
