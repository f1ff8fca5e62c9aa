"""The operation that looks whether a database is as it should be, after it was changed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, operation

from ..errors import Kind, Refusal
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host, is_preparing
from ..planning.database import DatabaseSession
from ..report.console import validation_lines
from ..report.journal import LookedAfter, Validated
from ..validation import measure
from ..validation.compare import compared
from ..validation.validate import checks_of
from ..validation.verdict import Verdict


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
    session = DatabaseSession.of(current_host(), overrides)
    # As the run has left it a moment ago.
    just_seen = session.memory.just_seen(session.schema, has_run_anything=True)
    seen = just_seen if just_seen is not None else session.look(asks=True)
    if isinstance(seen, Refusal):
        refusal = seen
        yield FunctionCommand(lambda state, host: session.refuse(refusal), (), {})
        return
    if seen.server.in_recovery:
        context.host.noop("this server is a standby: it follows its primary")
        return
    session.announce(LookedAfter(seen))
    with session.phase("Validation"):
        comparisons = measure.after(session, seen)
        checks = [*checks_of(session, seen, comparisons), *compared(session, seen)]
        session.announce(Validated(tuple(checks), comparisons))
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    session.tell("\n".join(validation_lines(checks, passed=False)))
    if not failed:
        context.host.noop(f"{len(checks)} checks, none failed")
        return
    first = failed[0]
    lack = Refusal(
        Kind.VERIFY,
        f'could not validate database "{session.settings.connection.database}": {len(failed)} of {len(checks)} checks '
        "failed",
        f"Found, first of all, {first.name} of {first.object}: {first.found}; expected {first.expected}.",
        "See all of them: deploy/validate.py; to take the migrations back: deploy/rollback.py",
    )
    yield FunctionCommand(lambda state, host: session.refuse(lack), (), {})
