"""What queries cost before and after the migrations of a run: measured on the host, kept in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from pyinfra.api import Host

from ..host.session import Engine
from ..psql import questions
from ..registry.model import Observed
from .checks import Verdict
from .query_cost import Comparison, Measurement, to_keep

# Why queries could not be measured before the migrations of this start of the program, by host and place; a place
# that is there has been measured.
_before: WeakKeyDictionary[Host, dict[tuple[str, ...], dict[str, str]]] = WeakKeyDictionary()


def before(engine: Engine, seen: Observed) -> None:
    """Measures the queries before the first migration of this start of the program, and keeps that.

    + seen: the database, which has just been read
    Changes: the registry, made or upgraded where needed. What could not be measured is told, and fails afterwards
    unless an earlier run did.
    """
    place = _place(engine)
    of_host = _before.setdefault(engine.host, {})
    if place in of_host:
        return
    found = engine.measure(seen)
    of_host[place] = {one.query: one.why for one in found if one.why}
    for name, why in of_host[place].items():
        engine.tell(f"    note: query {name} could not be measured: {why}")
    _keep(engine, [(one.query, one.found) for one in found], moment="before", ends_run=False)


def after(engine: Engine, seen: Observed) -> tuple[Comparison, ...]:
    """Returns the queries before and after; tells them, and keeps them where the run changed something.

    + seen: the database, which has just been read
    Changes: the registry, in a run that changed something or with pg_measure=always.
    """
    place = _place(engine)
    of_host = _before.get(engine.host, {})
    is_kept = place in of_host or engine.settings.measure == "always"
    found = engine.comparisons(seen, is_kept=is_kept, failed=of_host.get(place, {}))
    for one in found:
        if one.verdict is Verdict.PASS:
            engine.tell(f"query {one.name}: {one.reason}")
    if is_kept:
        _keep(engine, [(one.name, one.after) for one in found], moment="after", ends_run=True)
    return found


def _place(engine: Engine) -> tuple[str, ...]:
    """Returns what tells one database and SQL folder of a host from the others."""
    return (engine.settings.connection.database, engine.settings.schema, str(engine.settings.sql_dir))


def _keep(engine: Engine, found: Sequence[tuple[str, Measurement | None]], *, moment: str, ends_run: bool) -> None:
    rows = to_keep(engine.queries, found)
    if not rows:
        return
    text = questions.keep_measurements(rows, engine.run, engine.settings.schema, moment=moment, ends_run=ends_run)
    answer = engine.psql(text)
    busy = answer.value("outcome")
    if answer.status != 0 or busy is not None:
        why = f"another run is at work ({busy['detail']})" if busy else answer.message or answer.errors or "no answer"
        engine.tell(f"    note: could not keep what {len(rows)} queries cost {moment} the migrations: {why}")
