"""The schema drift of one database that has just been read."""

from __future__ import annotations

from ..planning.database import DatabaseSession
from ..registry.model import Observed
from .detect import find_drift
from .entries import Drifts


def drift_of(session: DatabaseSession, seen: Observed) -> Drifts | None:
    """Returns what was changed outside of migrations since the last run; None where there is no registry."""
    return find_drift(seen, session.migrations, ignore=session.settings.drift_ignore or ())
