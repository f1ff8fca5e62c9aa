"""Deploys: operations in order.

Two lines bring them into any provisioning::

    from pyinfra_pgmigrate import migrate_database
    migrate_database()

Settings are host data (``pg_database`` and so on, see the README); a keyword stands above the host's
own: ``migrate_database(database="shop")``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyinfra import context
from pyinfra.api import DeployError, Host, deploy

from .engine import Engine
from .errors import PgMigrateError, Refusal
from .observed import Observed
from .operations import migrations as operations
from .plan import Plan
from .settings import PREFIX
from .telling import heading, plan_lines, status_lines


def _engine(settings: Mapping[str, Any]) -> tuple[Engine, dict[str, Any]]:
    overrides = {f"{PREFIX}{name}": value for name, value in settings.items()}
    try:
        return Engine.of(operations.current_host(), overrides), overrides
    except PgMigrateError as error:
        # The user's mistake, the same for all hosts: nothing is run anywhere.
        raise DeployError(str(error)) from None


@contextmanager
def _keyed(host: Host, number: int) -> Iterator[None]:
    """Gives the operations inside the same place on all hosts, whichever migrations each has pending."""
    host.loop_position.append(number)
    try:
        yield
    finally:
        host.loop_position.pop()


def _fail(host: Host) -> None:
    """Makes the exit status 1, also of a dry run; operations go on and decide for themselves."""
    context.state.failed_hosts.add(host)


def _tell_refusals(engine: Engine, found: Plan | Refusal) -> bool:
    refusals = (found,) if isinstance(found, Refusal) else found.refusals
    for refusal in refusals:
        engine.tell_refusal(refusal)
    return bool(refusals)


@deploy("Migrate database")
def migrate_database(**settings: Any) -> None:
    """Brings a database to the last migration, or to pg_target, by state check.

    + settings: host data keys without their prefix, above the host's own

    Changes: what the effect files of the pending migrations say, and the registry; a second run
    changes nothing. Leaves a standby alone. Refuses: see ``plan``. Raises DeployError for mistakes in
    settings and files, before anything runs.
    """
    engine, overrides = _engine(settings)
    host = engine.host
    seen = engine.look()
    plan = seen if isinstance(seen, Refusal) else engine.plan(observed=seen)
    if isinstance(seen, Observed):
        engine.tell(heading(seen))
        if seen.registry is not None and seen.registry.drift:
            engine.tell("note: the catalog was changed by other hands since the last run; deploy/status.py says how")
        if seen.server.in_recovery:
            engine.tell("this server is a standby: it follows its primary and is left alone")
            return
    operations.remember(host, overrides, plan)
    versions = [migration.version for migration in engine.migrations]
    batch = False
    if _tell_refusals(engine, plan):
        _fail(host)
    elif isinstance(plan, Plan):
        engine.tell("\n".join(plan_lines(plan, most=engine.settings.batch_from)))
        versions = [decision.migration.version for decision in plan.changes]
        batch = len(versions) >= engine.settings.batch_from
        if engine.settings.check and _is_behind(seen, plan):
            _fail(host)
    operations.check(name="Check", overrides=overrides, _retries=0)
    if batch:
        operations.migrations(name=f"All from {engine.settings.batch_from} pending on", overrides=overrides, _retries=0)
        return
    for number, migration in enumerate(engine.migrations):
        if migration.version in versions:
            with _keyed(host, number):
                operations.migration(name=migration.name, version=migration.version, overrides=overrides, _retries=0)


def _is_behind(seen: Observed | Refusal, plan: Plan) -> bool:
    drifted = isinstance(seen, Observed) and seen.registry is not None and bool(seen.registry.drift)
    return bool(plan.changes) or drifted


@deploy("Database status")
def database_status(**settings: Any) -> None:
    """Tells which migrations hold on a database, by whom and since when, what is pending, held or drifted.

    + settings: host data keys without their prefix, above the host's own

    Changes: nothing; there is no operation in it. With pg_check the exit status is 1 when something is
    pending or drifted.
    """
    engine, _ = _engine(settings)
    seen = engine.look()
    if isinstance(seen, Refusal):
        _tell_refusals(engine, seen)
        _fail(engine.host)
        return
    plan = engine.plan(observed=seen)
    if isinstance(plan, Refusal):
        _tell_refusals(engine, plan)
        _fail(engine.host)
        return
    engine.tell("\n".join(status_lines(seen, plan, engine.migrations)))
    if _tell_refusals(engine, plan) or (engine.settings.check and _is_behind(seen, plan)):
        _fail(engine.host)
