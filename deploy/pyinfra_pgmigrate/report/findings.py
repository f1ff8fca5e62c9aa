"""What somebody should know or do after a run, the worst first, and its verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from ..registry.model import Observed
from ..rehearsal.moments import DONE
from ..validation.verdict import Verdict
from .journal import Journal


class Stage(Enum):
    """How far a run came."""

    RUNNING = "running"  # it had not ended when this was written
    PLANNED = "planned"  # nothing was to be run: a dry run, or left before it began
    INTERRUPTED = "interrupted"
    ENDED = "ended"


class HostState(Enum):
    """What became of a host."""

    GOOD = "good"
    FAILED = "failed"
    UNREACHED = "unreached"  # no connection


def verdict(state: HostState, stage: Stage, findings: Sequence[Mapping[str, str]]) -> str:
    """Returns one word for a host: how its run ended, and whether somebody should look."""
    if state is not HostState.GOOD:
        return str(state.value)
    if stage is not Stage.ENDED:
        return str(stage.value)
    return "warnings" if findings else "ok"


def unreached(host: str) -> dict[str, str]:
    """Returns the finding about a host to which no connection was made."""
    return {
        "verdict": "FAIL",
        "subject": f"host {host}",
        "found": "no connection: nothing was looked at and nothing was run there",
        "expected": "a connection",
        "next": f"See why: pyinfra INVENTORY --limit {host} exec -- true",
    }


def findings(journal: Journal, this_run: str) -> Iterator[dict[str, str]]:
    """Yields what somebody should know or do, the worst first, each with the next command."""
    for refusal in journal.refusals:
        yield {
            "verdict": "FAIL",
            "subject": refusal.message,
            "found": refusal.detail,
            "expected": "",
            "next": refusal.hint,
        }
    for verdict in (Verdict.FAIL, Verdict.WARN):
        for check in journal.checks or ():
            if check.verdict is verdict:
                yield {
                    "verdict": verdict.value,
                    "subject": f"{check.name}: {check.object}",
                    "found": check.found,
                    "expected": check.expected,
                    "next": check.hint,
                }
    told = {check.object for check in journal.checks or () if check.verdict is not Verdict.PASS}
    for entry in () if journal.drifts is None else journal.drifts.entries:
        if entry.key not in told:
            yield {
                "verdict": "WARN",
                "subject": f"drift: {entry.key}",
                "found": entry.found,
                "expected": entry.expected,
                "next": entry.repair,
            }
    for one in () if journal.uses is None else journal.uses.held:
        if one.state != DONE:
            yield {
                "verdict": "WARN",
                "subject": f"compatibility: {one.use}, prepared before and held open, fails after "
                f"{journal.uses.moments[one.moment] if journal.uses is not None else ''}",
                "found": f"{one.reason} (SQLSTATE {one.state})",
                "expected": "an application that names its columns",
                "next": "Let sessions that hold such statements connect again, or DISCARD ALL",
            }
    for decision in () if journal.plan is None else journal.plan.held:
        yield {
            "verdict": "WARN",
            "subject": f"migration {decision.migration.name} is held back",
            "found": decision.reason,
            "expected": "an application that no longer uses it",
            "next": "To apply it all the same: deploy/migrate.py --data pg_release=true",
        }
    runs = [one["run"] for one in quarantines(journal.after or journal.observed)]
    if journal.rollback is not None and journal.actual and (journal.rollback.tables or journal.rollback.columns):
        runs.append(this_run)
    for run_id in dict.fromkeys(runs):
        yield {
            "verdict": "WARN",
            "subject": f"the quarantine of run {run_id[:8]}",
            "found": "rows that a rollback kept",
            "expected": "that they are restored or dropped one day",
            "next": f"deploy/migrate.py restores them; deploy/status.py --data pg_quarantine_drop={run_id[:8]} drops "
            "them",
        }


def quarantines(observed: Observed | None) -> Iterator[dict[str, Any]]:
    """Yields what rollbacks keep of this database."""
    for kept in () if observed is None or observed.registry is None else observed.registry.quarantines:
        yield {
            "run": kept.run_id,
            "at": kept.at,
            "object": kept.object,
            "kind": kept.kind,
            "rows": kept.rows,
            "size_bytes": kept.size_bytes,
        }
