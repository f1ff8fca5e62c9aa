"""The checks of one database that has just been read; asks the host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..application.compatibility import try_uses
from ..drift.look import drift_of
from ..planning.database import DatabaseSession
from ..registry.model import Observed
from .checks import added_by, compatibility_checks, validate
from .query_cost import Comparison
from .verdict import Check, Verdict
from .warnings import warnings


def checks_of(session: DatabaseSession, seen: Observed, comparisons: Sequence[Comparison]) -> Iterator[Check]:
    """Yields the checks of the database, which has just been read; asks the host.

    + comparisons: of the queries, which have just been measured
    """
    queries = {
        one.version: one.verify for one in session.migrations if one.version in seen.applied and one.verify is not None
    }
    unasked = {version: query for version, query in queries.items() if version not in seen.verified}
    told = session.ask(warnings(added_by(session.migrations, seen), session.run, session.schema, unasked))
    found, answers = (None, {}) if told is None else told
    yield from validate(
        session.migrations,
        seen,
        {**seen.verified, **answers},
        found,
        drift_of(session, seen),
        strict=session.settings.strict,
    )
    # As a superuser among functions of others it is refused: see ``plan``.
    tries = session.settings.compatibility and not seen.server.foreign_code
    uses = session.applying(session.uses, seen) if tries else ()
    if uses:
        tried = session.ask(try_uses(uses, session.run, session.schema))
        names = {one.version: one.name for one in session.migrations}
        yield from compatibility_checks(uses, tried, seen.applied.keys(), names)
    if session.settings.measure == "never":
        hint = "--data pg_measure=changes"
        yield Check(Verdict.WARN, "query", "all of them", "not measured: pg_measure is never", "a measurement", hint)
    for comparison in comparisons:
        yield comparison.check
