"""The operation that looks whether a database is as it should be, after it was changed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, operation

from ..errors import Kind, Refusal
from ..host.failures import on_one_host
from ..host.session import Engine, current_host, is_preparing
from ..report.console import validation_lines
from ..validation import measure
from ..validation.checks import Verdict
from ..validation.compare import compared


@operation()
@on_one_host
def validate(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that no check of the database fails; tells those that do, and what the structure cannot do.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: the registry, by what queries cost, in a run that changed something or with pg_measure=always; it counts
    as no change. Refuses: when a check fails or could not be made; what was migrated stays. Locks: reads only.
    """
    if is_preparing():
        context.host.noop("it is looked at once the migrations are there")
        return
    engine = Engine.of(current_host(), overrides)
    seen = engine.look(asks=True)
    if isinstance(seen, Refusal):
        refusal = seen
        yield FunctionCommand(lambda state, host: engine.refuse(refusal), (), {})
        return
    if seen.server.in_recovery:
        context.host.noop("this server is a standby: it follows its primary")
        return
    engine.journal.after = seen
    with engine.journal.phase("Validation"):
        comparisons = measure.after(engine, seen)
        checks = [*engine.validate(seen, comparisons), *compared(engine, seen)]
        engine.journal.queries = comparisons
        engine.journal.checks = tuple(checks)
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    engine.tell("\n".join(validation_lines(checks, passed=False)))
    if not failed:
        context.host.noop(f"{len(checks)} checks, none failed")
        return
    first = failed[0]
    lack = Refusal(
        Kind.VERIFY,
        f'could not validate database "{engine.settings.connection.database}": {len(failed)} of {len(checks)} checks '
        "failed",
        f"Found, first of all, {first.name} of {first.object}: {first.found}; expected {first.expected}.",
        "See all of them: deploy/validate.py; to take the migrations back: deploy/rollback.py",
    )
    yield FunctionCommand(lambda state, host: engine.refuse(lack), (), {})
