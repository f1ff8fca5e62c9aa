"""What a plan and a database look like to people: lines of text, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..planning.decision import decision_lines
from ..planning.plan import Plan
from ..registry.model import Observed, Server
from ..rollback.blockers import Conflict
from ..rollback.turn import Rollback
from ..units import size
from ..validation.verdict import Check, Verdict

_MOST_NOTES = 5


def heading(observed: Observed) -> str:
    """Returns one line that says which database this is."""
    server = observed.server
    kind = "standby" if server.in_recovery else "primary"
    return (
        f'database "{server.database}", PostgreSQL {server.version.split()[0]} ({kind}), '
        f"{size(server.size_bytes)}, as role {server.role}"
    )


def powers(server: Server) -> str:
    """Returns what is wrong with being a superuser on this database; empty: nothing is."""
    if not server.foreign_code:
        return ""
    first, *others = server.foreign_code
    more = f" and {len(others)} more" if others else ""
    return (
        f"role {server.role} is a superuser: what roles without that power wrote can run with it ({first}{more}); "
        "connect as the owner of the database, see docs/security.md"
    )


def headings(observed: Observed) -> str:
    """Returns ``heading``, with a warning where the role has more power than is good."""
    told = powers(observed.server)
    return f"{heading(observed)}\nWARN: {told}" if told else heading(observed)


def plan_lines(plan: Plan, *, most: int) -> Iterator[str]:
    """Yields what a run would do.

    + most: from so many migrations on, one line each
    """
    for decision in plan.held:
        yield f"{decision.migration.name}: held, {decision.reason}; to apply it: --data pg_release=true"
    if plan.ledger is not None and plan.ledger.version:
        yield f"table {plan.ledger.table} says that all up to {plan.ledger.version:03} were applied"
    if not plan.changes:
        yield "nothing to do: all migrations up to the target are applied"
    for decision in plan.changes:
        lines = decision_lines(decision)
        yield from ([next(lines)] if len(plan.changes) >= most else lines)
    for note in plan.notes[:_MOST_NOTES]:
        yield f"note: {note}"
    if len(plan.notes) > _MOST_NOTES:
        yield f"note: {len(plan.notes) - _MOST_NOTES} more of such"


def rollback_lines(rollback: Rollback) -> Iterator[str]:
    """Yields what a rollback would do: what is kept, what goes and what comes back."""
    names = ", ".join(migration.name for migration in rollback.reverted)
    yield f"would revert {names}, by {' and '.join(script.name for script in rollback.scripts)}"
    for script in rollback.scripts:
        yield from (f'    warning: {script.name}.sql still says "TODO: {todo}"' for todo in script.todos)
    if rollback.damaged:
        tables = ", ".join(rollback.damaged)
        yield f"    renames the damaged registry schema ({tables}) and uses the effect files instead"
    for conflict in rollback.conflicts:
        yield from _conflict_lines(conflict, rollback.on_conflict)
    for table in rollback.tables:
        yield f"    keeps all rows of table {table} in the quarantine"
    for table, column in rollback.columns:
        yield f"    keeps what is not the default in column {table}.{column} in the quarantine"
    for one in rollback.retyped:
        yield f"    keeps the values of column {one.table}.{one.column} that {one.type} cannot hold in the quarantine"
    for kept in rollback.kept:
        if kept.gone:
            yield f"    drops {kept.object}, to make it again on the way forward"
            if kept.object.startswith("policy ") and "AS RESTRICTIVE" in kept.statements[0]:
                yield "        this policy restricts: without it more rows can be seen"
    for key in sorted(rollback.found_there):
        yield f"    takes {key} back too, which was there before: a migration took it over"
    for line in rollback.patch.render():
        yield f"    {line}"


def _conflict_lines(conflict: Conflict, on_conflict: str) -> Iterator[str]:
    columns = ", ".join(conflict.rule.columns)
    many = f"{conflict.rows} row{'s' if conflict.rows > 1 else ''} of {conflict.hanging[0]}"
    why = f"({columns}) must be unique again"
    if on_conflict == "rename":
        yield f"    renames {many}: {why}"
        for old, new in conflict.names:
            yield f'        {old} becomes "{new}"'
        if conflict.rows > len(conflict.names):
            yield f"        and {conflict.rows - len(conflict.names)} more"
        return
    yield f"    moves {many} into the quarantine, with the rows that reference them: {why}"
    for keys, says in conflict.first:
        yield f"        ({', '.join(keys)}) in {', '.join(says)}"
    if conflict.count > len(conflict.first):
        yield f"        and {conflict.count - len(conflict.first)} more"


def validation_lines(checks: Sequence[Check], *, passed: bool = True) -> Iterator[str]:
    """Yields the checks of a database, the worst first, and a verdict.

    + passed: False leaves out those that passed, but counts them
    """
    order = (Verdict.FAIL, Verdict.WARN, Verdict.PASS)
    for check in sorted(checks, key=lambda one: order.index(one.verdict)):
        if check.verdict is Verdict.PASS and not passed:
            continue
        told = f": {check.found}" if check.verdict is Verdict.PASS and check.found else ""
        yield f"{check.verdict.value}  {check.name}: {check.object}{told}"
        if check.verdict is not Verdict.PASS:
            yield f"      found {check.found}"
            yield f"      expected {check.expected}"
            for place, line in enumerate(check.hint.splitlines()):
                yield f"      {'next: ' if place == 0 else '      '}{line}"
    counts = {verdict: sum(one.verdict is verdict for one in checks) for verdict in order}
    yield ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items())
