"""The report of a run: journals turned into one document, and that into JSON and a page. Pure: no I/O.

The page shows what the document says and nothing else; what its keys mean is in docs/reference/report-json.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined, Template

from ..backup.manifest import Manifest
from ..execution.trace import StatementTrace
from ..host.events import Span
from ..migrations.effect import Lock
from ..planning.decision import Action, state_of
from ..psql.script import Run
from ..registry.model import Observed
from ..rehearsal.moments import Table
from ..rollback.turn import Rollback
from ..units import age, size
from ..validation.query_cost import Comparison, Measurement
from ..validation.verdict import Check
from .findings import HostState, Stage, findings, quarantines, unreached, verdict
from .journal import Event, Journal

FORMAT = 1

# Hosts on one page, and lines of each list on a page: report.json has them all.
MOST_ON_A_PAGE = 10
MOST_LINES = 300


# The worst first: a run is as good as its worst host.
_ORDER = ("failed", "unreached", "interrupted", "running", "warnings", "planned", "ok")


def document(
    run: Run,
    journals: Sequence[Journal],
    hosts: Mapping[str, HostState],
    stage: Stage,
    began_s: float,
    now_s: float,
) -> dict[str, Any]:
    """Returns the report as it goes into report.json.

    + hosts: all that the run was to work on
    + began_s, now_s: seconds since 1970
    """
    known = [
        _host(journal, hosts.get(journal.host, HostState.GOOD), stage, journal.run_id or run.run_id)
        for journal in journals
    ]
    named = {journal.host for journal in journals}
    lost = [
        {**_host(Journal(name, ""), state, stage, run.run_id), "database": None}
        for name, state in hosts.items()
        if name not in named and state is not HostState.GOOD
    ]
    # The worst first; among equals, as the inventory has them.
    whole = sorted(known + lost, key=lambda one: _ORDER.index(one["verdict"]))
    verdicts = [one["verdict"] for one in whole]
    return {
        "format": FORMAT,
        "verdict": min(verdicts, key=_ORDER.index, default="ok"),
        "run": {
            "id": run.run_id,
            "deploys": list(dict.fromkeys(name for journal in journals for name in journal.deploys)),
            "stage": stage.value,
            "began_at": _at(began_s),
            "written_at": _at(now_s),
            "duration_s": round(now_s - began_s, 3),
            "operator": run.operator,
            "controller": run.controller,
            "tool_version": run.tool_version,
        },
        "hosts": whole,
    }


def render_json(whole: Mapping[str, Any]) -> str:
    """Returns the text of report.json."""
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def render_pages(whole: Mapping[str, Any]) -> dict[str, str]:
    """Returns the pages by file name, each complete in itself but for links between them.

    Up to MOST_ON_A_PAGE hosts are on report.html; beyond, it lists them, and each has a page of its own.
    """
    hosts = whole["hosts"]
    if len(hosts) <= MOST_ON_A_PAGE:
        return {"report.html": _template().render(whole, pages=None, index=None, most_lines=MOST_LINES)}
    names = {id(host): f"{_file_name(host)}.html" for host in hosts}
    pages = {"report.html": _template().render(whole, pages=[names[id(one)] for one in hosts], index=None)}
    for host in hosts:
        own = {**whole, "verdict": host["verdict"], "hosts": [host]}
        pages[names[id(host)]] = _template().render(own, pages=None, index="report.html", most_lines=MOST_LINES)
    return pages


def _file_name(host: Mapping[str, Any]) -> str:
    """Returns what the page of a host is called: a part that people read, and one that tells any two apart."""
    name = f"{host['name']}-{host['database'] or ''}"
    return f"host-{re.sub('[^A-Za-z0-9_.-]+', '_', name)[:80]}-{sha256(name.encode()).hexdigest()[:8]}"


@cache
def _template() -> Template:
    try:
        # To compile it takes longer than all else in a short run; the folder is our own, in that for temporary files.
        return _environment(FileSystemBytecodeCache()).get_template("report.html")
    except (OSError, RuntimeError):
        return _environment(None).get_template("report.html")


def _environment(kept: BytecodeCache | None) -> Environment:
    environment = Environment(
        loader=PackageLoader(str(__package__)),
        bytecode_cache=kept,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=size, seconds=_seconds, age=age)
    return environment


def _at(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(value: float | None) -> str:
    """Returns a duration as people say it.

    >>> _seconds(0.0421), _seconds(12.34), _seconds(754.0)
    ('42 ms', '12.3 s', '12 min 34 s')
    """
    if value is None:
        return "cut off"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:.0f} s"


def _host(journal: Journal, state: HostState, stage: Stage, run_id: str) -> dict[str, Any]:
    found = [unreached(journal.host)] if state is HostState.UNREACHED else list(findings(journal, run_id))
    return {
        "name": journal.host,
        "database": journal.database,
        "verdict": verdict(state, stage, found),
        "deploys": list(journal.deploys),
        "server": None if journal.observed is None else _server(journal.observed),
        "findings": found,
        "timeline": list(_timeline(journal.events)),
        "migrations": [] if journal.plan is None else list(_migrations(journal)),
        "rollback": None if journal.rollback is None else _rollback(journal.rollback),
        "statements": list(_statements(journal)),
        "patch": _patch(journal),
        "compatibility": None if journal.uses is None or not journal.uses.rows else _uses(journal.uses),
        "queries": [_query(one) for one in journal.queries],
        "not_applicable": list(journal.not_applicable.values()),
        "checks": None if journal.checks is None else [_check(check) for check in journal.checks],
        "backup": None if journal.backup is None else _backup(journal.backup),
        "restore_point": None if journal.point is None else asdict(journal.point),
        "quarantines": [] if journal.observed is None else list(quarantines(journal.observed)),
        "log": [{"at_s": round(one.at_s, 3), "text": one.text, "is_error": one.is_error} for one in journal.lines],
    }


def _server(observed: Observed) -> dict[str, Any]:
    server = observed.server
    return {
        "version": server.version.split()[0],
        "kind": "standby" if server.in_recovery else "primary",
        "role": server.role,
        "size_bytes": server.size_bytes,
    }


def _timeline(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """Yields the phases in the order in which they began, each with what happened during it."""
    phases = [event for event in events if event.span is Span.PHASE]
    inner = [event for event in events if event.span is not Span.PHASE]
    for place, phase in enumerate(phases):
        ends_s = phases[place + 1].start_s if place + 1 < len(phases) else float("inf")
        within = [event for event in inner if phase.start_s <= event.start_s < ends_s]
        yield {**_event(phase), "events": [_event(event) for event in sorted(within, key=lambda one: one.start_s)]}


def _event(event: Event) -> dict[str, Any]:
    return {
        "kind": event.span.value,
        "title": event.title,
        "start_s": round(event.start_s, 3),
        "duration_s": None if event.duration_s is None else round(event.duration_s, 3),
        "detail": event.detail,
        "on_copy": event.on_copy,
        "ended_well": event.ended_well,
    }


def _migrations(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yields what was found of each migration, and whether it is applied now."""
    for decision in () if journal.plan is None else journal.plan.decisions:
        row = decision.row
        version = decision.migration.version
        known = None if journal.after is None else journal.after.applied.get(version)
        is_applied = row is not None or known is not None or version in journal.applied
        yield {
            "version": version,
            "now": "applied" if is_applied else "held" if decision.action is Action.HOLD else "pending",
            "name": decision.migration.name,
            "purpose": decision.migration.header.purpose,
            "found": state_of(decision),
            "action": "none" if decision.action is Action.NONE else decision.action.name.lower(),
            "reason": decision.reason,
            "statements": list(decision.statements),
            "how": None if row is None else row.how,
            "applied_at": None if row is None else row.applied_at,
            "applied_by": None if row is None else row.applied_by,
        }


def _rollback(rollback: Rollback) -> dict[str, Any]:
    return {
        "scripts": [script.name for script in rollback.scripts],
        "migrations": [migration.name for migration in rollback.reverted],
        "tables_kept": list(rollback.tables),
        "columns_kept": [".".join(one) for one in rollback.columns],
        "columns_retyped": [f"{one.table}.{one.column}" for one in rollback.retyped],
    }


def _statements(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yields what was predicted of each statement, what it did on the copy, and on the database."""
    rehearsed = {(one.migration, one.effect.number): one for one in journal.rehearsed}
    run = {(one.migration, one.effect.number): one for one in journal.traces}
    for key in sorted({**rehearsed, **run}):
        found = run.get(key) or rehearsed[key]
        yield {
            "migration": found.migration,
            "number": found.effect.number,
            "words": found.effect.words,
            "predicted": {
                "lines": len(found.effect.patch.plus) + len(found.effect.patch.minus),
                "locks": _locks(found.effect.locks),
                "rewrites": list(found.effect.rewrites),
            },
            "rehearsed": _traced(rehearsed.get(key)),
            "run": _traced(run.get(key)),
        }


def _traced(trace: StatementTrace | None) -> dict[str, Any] | None:
    if trace is None:
        return None
    return {
        "duration_ms": trace.duration_ms,
        "lines": trace.lines,
        "locks": None if trace.locks is None else _locks(trace.locks),
        "rewrites": list(trace.rewrites),
        "size_bytes": trace.size_bytes,
        "unpredicted": _locks(trace.unpredicted),
    }


def _locks(locks: Sequence[Lock]) -> list[str]:
    return [f"{lock.mode} on {lock.relation}" for lock in locks]


def _patch(journal: Journal) -> list[dict[str, Any]]:
    """Returns the lines that were to go and to come, and those that did; what is both is marked so."""
    minus: set[str] = set()
    plus: set[str] = set()
    if journal.rollback is not None:
        minus, plus = set(journal.rollback.patch.minus), set(journal.rollback.patch.plus)
    for decision in () if journal.plan is None else journal.plan.changes:
        minus, plus = (
            (minus - decision.patch.plus) | (decision.patch.minus - plus),
            (plus - decision.patch.minus) | (decision.patch.plus - minus),
        )
    found = []
    for sign, predicted, actual in (("-", minus, journal.actual.minus), ("+", plus, journal.actual.plus)):
        for line in sorted(predicted | actual):
            found.append({"sign": sign, "line": line, "predicted": line in predicted, "happened": line in actual})
    return found


def _uses(table: Table) -> dict[str, Any]:
    return {
        "moments": [name or "before" for name in table.moments],
        "uses": [
            {
                "name": row.use,
                "purpose": row.purpose,
                "states": [state.value for state in row.states],
                "reasons": list(row.reasons),
            }
            for row in table.rows
        ],
        "prepared": [
            {
                "name": one.use,
                "moment": one.moment,
                "sqlstate": one.state,
                "reason": one.reason,
                "again": one.again,
                "anew": one.reprepared,
            }
            for one in table.held
        ],
        "lack": table.lack,
    }


def _query(comparison: Comparison) -> dict[str, Any]:
    return {
        "name": comparison.name,
        "purpose": comparison.purpose,
        "verdict": comparison.verdict.value,
        "reason": comparison.reason,
        "before": _measured(comparison.before),
        "after": _measured(comparison.after),
    }


def _measured(measurement: Measurement | None) -> dict[str, Any] | None:
    if measurement is None:
        return None
    return {
        "at": measurement.at,
        "buffers": measurement.buffers,
        "rows": measurement.rows,
        "duration_ms": round(measurement.ms, 3),
        "plan": measurement.words,
    }


def _check(check: Check) -> dict[str, str]:
    return {
        "verdict": check.verdict.value,
        "name": check.name,
        "object": check.object,
        "found": check.found,
        "expected": check.expected,
        "next": check.hint,
    }


def _backup(manifest: Manifest) -> dict[str, Any]:
    return {
        "label": manifest.label,
        "taken_at": manifest.taken_at,
        "backup_bytes": manifest.backup_bytes,
        "database_bytes": manifest.size_bytes,
        "tables": manifest.tables,
        "rows": manifest.rows,
        "duration_ms": manifest.duration_ms,
        "compression": manifest.compression,
        "verification": manifest.verification.how,
        "verified_at": manifest.verification.at,
        "verified_on": manifest.verification.server_version,
        "notes": list(manifest.verification.notes),
        "sums": dict(manifest.sums),
    }
