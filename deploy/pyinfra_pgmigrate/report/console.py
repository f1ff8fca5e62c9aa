"""What a plan and a database look like to people: lines of text, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..planning.plan import Action, Decision, Plan
from ..registry.model import Observed, Server
from ..rollback.blockers import Conflict
from ..rollback.plan import Rollback
from ..validation.checks import Check, Verdict

WORDS = {
    Action.NONE: "applied",
    Action.APPLY: "pending",
    Action.RESUME: "partial",
    Action.ADOPT: "in place, not registered",
    Action.REPAIR: "drifted",
    Action.CONVERGE: "to be run again",
    Action.HOLD: "held",
    Action.STOP: "pending, beyond the target",
}


# What a terminal takes for a command, or what turns the direction of a text: all but line ends and tabs.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""Returns a text for a terminal: names, labels and messages of others can tell that nothing.

    >>> print(visible("a\x1b[31mb\u202e"))
    a\u001b[31mb\u202e
    """
    return _COMMANDS.sub(lambda found: "\\r" if found[0] == "\r" else f"\\u{ord(found[0]):04x}", text)


def size(size_bytes: int) -> str:
    """Returns a size with its unit.

    >>> size(8363367)
    '8.0 MiB'
    """
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def age(seconds: float) -> str:
    """Returns a time span in its largest unit.

    >>> age(7300)
    '2 h'
    """
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


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


def decision_lines(decision: Decision) -> Iterator[str]:
    """Yields what a run would do for one migration: the patch, and how."""
    migration = decision.migration
    yield f"{migration.name}: {WORDS[decision.action]}, would {would(decision)}"
    if decision.reason:
        yield f"    because: {decision.reason}"
    for statement in migration.statements:
        if statement.number not in decision.statements:
            continue
        effect = migration.effect_of(statement)
        yield f"    statement {statement.number}: {statement.words}"
        for lock in effect.locks:
            yield f"        lock {lock.mode} on {lock.relation}"
        for table in effect.rewrites:
            yield f"        writes every row of {table} anew"
    for line in decision.patch.render():
        yield f"    {line}"


def would(decision: Decision) -> str:
    """Returns what a run would do for one migration, as a verb."""
    total, chosen = len(decision.migration.statements), len(decision.statements)
    if not chosen:
        return "verify and register it, run nothing" if decision.action is Action.APPLY else "register it, run nothing"
    how = " in batches" if decision.migration.header.in_batches else ""
    return f"run {chosen} of {total} statement{'s' if total > 1 else ''}{how}"


def state_of(decision: Decision) -> str:
    """Returns the word for what was found of a migration."""
    return WORDS[decision.action]


def plan_lines(plan: Plan, *, most: int) -> Iterator[str]:
    """Yields what a run would do.

    + most: from so many migrations on, one line each
    """
    for decision in plan.held:
        yield f"{decision.migration.name}: held, {decision.reason}; to apply it: --data pg_release=true"
    if not plan.changes:
        yield "nothing to do: all migrations up to the target are applied"
    for decision in plan.changes:
        lines = decision_lines(decision)
        yield from ([next(lines)] if len(plan.changes) >= most else lines)


def rollback_lines(rollback: Rollback) -> Iterator[str]:
    """Yields what a rollback would do: what is kept, what goes and what comes back."""
    names = ", ".join(migration.name for migration in rollback.reverted)
    yield f"would take back {names}, by {' and '.join(script.name for script in rollback.scripts)}"
    if rollback.damaged:
        yield f"    puts the registry aside, as it is damaged ({', '.join(rollback.damaged)}), and goes by the effects"
    for conflict in rollback.conflicts:
        yield from _conflict_lines(conflict, rollback.on_conflict)
    for table in rollback.tables:
        yield f"    keeps all rows of table {table} in the quarantine"
    for table, column in rollback.columns:
        yield f"    keeps what is not the default in column {table}.{column} in the quarantine"
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
    yield f"    moves {many} into the quarantine, with what hangs on them: {why}"
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
