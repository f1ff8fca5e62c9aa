"""Rehearsal: what a plan would run, run first on a copy of the database, by the same code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from pyinfra.api import Host

from . import script, telling
from .copies import Copy
from .engine import Engine
from .errors import Kind, PgMigrateError, Refusal
from .trace import StatementTrace, compared_lines, rehearsed_lines

# What the rehearsals of this start of the program found, by host and database.
_found: WeakKeyDictionary[Host, dict[str, list[StatementTrace]]] = WeakKeyDictionary()


def rehearse(engine: Engine, versions: Collection[int], copy: Copy) -> None:
    """Runs migrations on a copy, and tells what each statement did there.

    + versions: those that the plan for the database itself would run
    Changes: the copy. Raises PgMigrateError (rehearsal) for the first that does not end well.
    """
    on_copy = replace(
        engine,
        settings=replace(engine.settings, connection=copy.connection, release=True),
        prefix="rehearsal: ",
    )
    engine.tell(f"rehearsing {len(versions)} migration{'s' if len(versions) > 1 else ''} on the copy")
    ended = engine.psql(script.prepared(engine.run, engine.settings.schema, "end_runs"), copy.connection)
    traces: list[StatementTrace] = []
    refusal: Refusal | None = None
    if ended.status != 0:
        refusal = Refusal(Kind.REHEARSAL, ended.message or "no answer", "Found no way to use the copy.", "Run again.")
    plan = on_copy.plan()
    if refusal is None and isinstance(plan, Refusal):
        refusal = plan
    elif refusal is None and not isinstance(plan, Refusal):
        refusal = plan.refusals[0] if plan.refusals else on_copy.execute(plan, versions, traces)
    if refusal is None:
        refusal = _second_run(on_copy, versions)
    if refusal is not None:
        raise PgMigrateError(
            Kind.REHEARSAL,
            f'could not rehearse on a copy of database "{engine.settings.connection.database}": {refusal.message}',
            detail=f"{refusal.detail} Nothing was run on the database itself.",
            hint="Correct the rows or the migration that it names, then run again.",
        )
    engine.tell("\n".join(rehearsed_lines(traces, most=engine.settings.batch_from)))
    engine.tell("    no rollback script covers them: their rollback was not rehearsed")
    _found.setdefault(engine.host, {})[engine.settings.connection.database] = traces


def _second_run(on_copy: Engine, versions: Collection[int]) -> Refusal | None:
    """Returns why a second run would change something, or None."""
    plan = on_copy.plan()
    if isinstance(plan, Refusal):
        return plan
    again = [decision for decision in plan.changes if decision.migration.version in versions]
    if not again:
        return None
    return Refusal(
        Kind.REHEARSAL,
        f'migration "{again[0].migration.name}" would be run a second time',
        f"Found: {' '.join(telling.decision_lines(again[0]))}; expected nothing to do after it ran.",
        "See why its lines or its verify query say that it is not applied.",
    )


def tell_compared(engine: Engine, traces: Sequence[StatementTrace]) -> None:
    """Tells rehearsal against run for what has just been run on the database itself."""
    rehearsed = _found.get(engine.host, {}).get(engine.settings.connection.database, [])
    if rehearsed:
        engine.tell("\n".join(compared_lines(rehearsed, traces, most=engine.settings.batch_from)))
