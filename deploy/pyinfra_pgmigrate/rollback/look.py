"""What a rollback does on one database now, with what stands in its way."""

from __future__ import annotations

from ..errors import Refusal
from ..planning.database import DatabaseSession
from ..psql.answer import Unreadable
from ..registry.model import Observed
from .obstacles import obstacles
from .plan import conflicts_of, make_rollback, resolving
from .scripts import load_rollbacks
from .turn import Rollback


def plan_rollback(
    session: DatabaseSession, *, target: int | None, observed: Observed | None = None
) -> Rollback | Refusal | None:
    """Returns what a rollback does now, why it may not, or None where nothing is to go.

    + target: version that stays; None: what the newest rollback script leaves
    + observed: the database, where it has just been read
    """
    seen = observed if observed is not None else session.look()
    if isinstance(seen, Refusal):
        return seen
    scripts = load_rollbacks(session.settings.sql_dir)
    found = make_rollback(session.migrations, scripts, seen, target)
    if not isinstance(found, Rollback):
        return found
    in_the_way = session.ask(obstacles(found, session.run, session.schema))
    if in_the_way is None or isinstance(in_the_way, Unreadable):
        return session.unreadable(in_the_way)
    return resolving(
        found,
        seen.catalog,
        conflicts_of(found, in_the_way.conflicts),
        in_the_way.dependents,
        on_conflict=session.settings.on_conflict,
        keeps_dependents=session.settings.dependents == "quarantine",
        table_bytes=in_the_way.table_bytes,
        needed_bytes=in_the_way.needed_bytes,
    )
