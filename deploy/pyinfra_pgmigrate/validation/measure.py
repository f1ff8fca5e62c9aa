"""What queries cost before and after the migrations of a run: measured on the host, kept in the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..application.queries import Query
from ..planning.database import DatabaseSession
from ..psql.answer import Answer, Unreadable
from ..psql.question import Question, unread
from ..psql.script import Run, flag, items, joined, session_of, settings_of
from ..registry.model import Observed
from ..registry.schema import claimed
from ..resources import read_sql
from .query_cost import Comparison, Measured, Measurement, Terms, compare, due_queries, read_measured, to_keep
from .verdict import Verdict


def before(session: DatabaseSession, seen: Observed) -> None:
    """Measures the queries before the first migration of this start of the program, and keeps that.

    + seen: the database, which has just been read
    Changes: the registry, made or upgraded where needed. What could not be measured is told, and fails afterwards
    unless an earlier run did.
    """
    place, told = _place(session), session.memory.unmeasured
    if place in told:
        return
    found = measured(session, seen)
    told[place] = {one.query: one.why for one in found if one.why}
    for name, why in told[place].items():
        session.tell(f"    note: query {name} could not be measured: {why}")
    _keep(session, [(one.query, one.found) for one in found], moment="before", ends_run=False)


def after(session: DatabaseSession, seen: Observed) -> tuple[Comparison, ...]:
    """Returns the queries before and after; tells them, and keeps them where the run changed something.

    + seen: the database, which has just been read
    Changes: the registry, in a run that changed something or with pg_measure=always.
    """
    place, told = _place(session), session.memory.unmeasured
    is_kept = place in told or session.settings.measure == "always"
    found = comparisons(session, seen, is_kept=is_kept, failed=told.get(place, {}))
    for one in found:
        if one.verdict is Verdict.PASS:
            session.tell(f"query {one.name}: {one.reason}", is_detail=True)
    if is_kept:
        _keep(session, [(one.name, one.after) for one in found], moment="after", ends_run=True)
    return found


def _place(session: DatabaseSession) -> tuple[str, ...]:
    """Returns what tells one schema and SQL folder of a database from the others."""
    return (session.settings.schema, str(session.settings.sql_dir))


def _keep(
    session: DatabaseSession, found: Sequence[tuple[str, Measurement | None]], *, moment: str, ends_run: bool
) -> None:
    rows = to_keep(session.queries, found)
    if not rows:
        return
    text = keep_measurements(rows, session.run, session.settings.schema, moment=moment, ends_run=ends_run)
    answer = session.psql(text)
    busy = answer.value("outcome")
    if answer.status != 0 or busy is not None:
        why = f"another run is at work ({busy['detail']})" if busy else answer.message or answer.errors or "no answer"
        session.tell(f"    note: could not keep what {len(rows)} queries cost {moment} the migrations: {why}")


def measure(
    queries: Sequence[Query], run: Run, schema: str, *, timeout_s: float
) -> Question[list[Measured] | Unreadable]:
    """Asks what queries cost, with what the registry keeps of them.

    Each is run twice in a read-only transaction. Locks: what the queries take, waiting two seconds at most.
    + timeout_s: longest time, in seconds, of one execution
    """
    parts = session_of(run, schema, "measure")
    for query in queries:
        values = {
            "query": query.name,
            "checksum": query.checksum,
            "drawing": query.drawing,
            "statement": query.text,
            "timeout_ms": max(1, round(timeout_s * 1000)),
        }
        parts += [
            settings_of(values),
            *map(
                read_sql,
                ("validation/measure", "validation/measure_run", "validation/measure_run", "validation/measure_done"),
            ),
        ]
    return Question(f"cost of {len(queries)} queries", joined(parts), _measured)


def _measured(answer: Answer) -> list[Measured] | Unreadable:
    if answer.status != 0:
        return Unreadable(answer.status, answer.sqlstate, unread(answer))
    return [read_measured(found) for found in answer.values("measured")]


def keep_measurements(found: Sequence[Mapping[str, Any]], run: Run, schema: str, *, moment: str, ends_run: bool) -> str:
    """Returns the script that keeps measurements in the registry, making or upgrading it where needed.

    + moment: before or after the migrations
    + ends_run: the run has nothing more to do on this database
    """
    values = {"measurements": items(found), "moment": moment, "ends_run": flag(ends_run)}
    parts = [*session_of(run, schema, "keep measurements"), *claimed(run), settings_of(values)]
    return joined([*parts, read_sql("validation/keep_measurements")])


def measured(session: DatabaseSession, seen: Observed) -> list[Measured]:
    """Returns what the queries cost that apply to this database as it is; asks the host once.

    + seen: the database, which has just been read
    One that does not apply and was measured before all the same has lost what it needs: it is among them.
    """
    queries = due_queries(session.queries, seen.applied)
    if not queries:
        return []
    question = measure(queries, session.run, session.schema, timeout_s=session.settings.query_timeout_s)
    found = session.ask(question)
    answers = {one.query: one for one in found} if isinstance(found, list) else {}
    kept = {name for name, one in answers.items() if one.first is not None}
    here = kept.union(one.name for one in session.applying([one for one in queries if one.name not in kept], seen))
    why = found.message if isinstance(found, Unreadable) else ""
    return [
        answers.get(query.name) or Measured(query.name, None, why or "no answer")
        for query in queries
        if query.name in here
    ]


def comparisons(
    session: DatabaseSession, seen: Observed, *, is_kept: bool = False, failed: Mapping[str, str] | None = None
) -> tuple[Comparison, ...]:
    """Returns each query that can run here before and after, measured now; asks the host once.

    + is_kept, failed: see ``Terms``
    """
    terms = Terms(session.settings.regression_factor, is_kept, {} if failed is None else failed)
    found = {one.query: one for one in measured(session, seen)}
    return compare([query for query in session.queries if query.name in found], list(found.values()), terms)
