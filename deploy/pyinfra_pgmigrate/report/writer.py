"""Writes the report of a run, report.json and report.html, while it lasts and when it ends.

A run that is killed leaves what was known a moment before, with the verdict "running".
"""

from __future__ import annotations

import atexit
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

from pyinfra import logger
from pyinfra.api import Host, State

from ..host.pyinfra_api import RunStage, chosen_hosts, has_failed, moment_of, was_reached
from ..host.run import RunContext
from ..psql.script import Run
from ..units import visible
from .document import document, render_json, render_pages
from .findings import HostState, Stage
from .journal import Journal

# Soon after the beginning, so that a run that is killed leaves something; then seldom: it takes some milliseconds a
# host, which a hundred of them would feel.
_FIRST_AFTER_S, _WRITE_EVERY_S = 2.0, 10.0


@dataclass
class _Report:
    """The report of one start of the program.

    + folder: where its two files go
    + due_s: when they are written next, seconds since 1970
    + unwritable: why they cannot be written, told once
    """

    state: State
    run: Run
    parent: Path
    began_s: float = field(default_factory=time.time)
    journals: dict[tuple[str, str, str], Journal] = field(default_factory=dict)
    due_s: float = field(default_factory=lambda: time.time() + _FIRST_AFTER_S)
    unwritable: str = ""

    @cached_property
    def folder(self) -> Path:
        """The folder of this run's report: when, what, run."""
        names = [name for journal in self.journals.values() for name in journal.deploys]
        what = names[0].lower().replace("database", "").replace(" ", "") if names else "run"
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.began_s))
        return self.parent / f"{when}-{what}-{self.run.run_id[:8]}"

    def changed(self) -> None:
        """Writes the files, not too often."""
        if time.time() >= self.due_s:
            self.write(ended=False)
            self.due_s = time.time() + _WRITE_EVERY_S

    def write(self, *, ended: bool) -> None:
        """Writes all files, each under another name first; a report that cannot be written stops no run."""
        stage, folder = self._stage(ended=ended), self.folder
        whole = document(self.run, list(self.journals.values()), self._hosts(), stage, self.began_s, time.time())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in {"report.json": render_json(whole), **render_pages(whole)}.items():
                partial = folder / f".{name}.partial"
                partial.write_text(text, encoding="utf-8")
                os.replace(partial, folder / name)
        except OSError as error:
            if not self.unwritable:
                self.unwritable = f'could not write the report to "{folder}": {error.strerror}'
                logger.warning(visible(self.unwritable))

    def _hosts(self) -> dict[str, HostState]:
        state = self.state
        found: dict[str, HostState] = {}
        for host in sorted(chosen_hosts(state), key=lambda one: str(one.name)):
            if has_failed(state, host) and not was_reached(state, host):
                found[host.name] = HostState.UNREACHED
            elif has_failed(state, host):
                found[host.name] = HostState.FAILED
            else:
                found[host.name] = HostState.GOOD
        return found

    def _stage(self, *, ended: bool) -> Stage:
        if not ended:
            return Stage.RUNNING
        moment = moment_of(self.state)
        if moment is RunStage.PREPARING:
            return Stage.PLANNED
        # pyinfra goes on to the next stage after the last operation, and exits from this one when it is interrupted.
        return Stage.INTERRUPTED if moment is RunStage.EXECUTING else Stage.ENDED


# What is written has to be there when the program ends; what is not, goes with its run.
_reports: dict[int, _Report] = {}
_journals: WeakKeyDictionary[State, dict[tuple[str, str, str], Journal]] = WeakKeyDictionary()


def journal_of(host: Host, database: str, place: str, run: Run, parent: Path | None) -> Journal:
    """Returns the journal of a database in this run.

    + place: what tells it from another one of that name, on another server or in another schema
    + parent: folder of the reports on the controller; None: nothing is written
    """
    journals = _journals.setdefault(host.state, {})
    key = (host.name, database, place)
    if key not in journals:
        is_second = any(one[:2] == key[:2] for one in journals)
        report = None
        if parent is not None:
            # Of the run on all databases, not of the one on a schema.
            report = _report_of(host.state, RunContext.of(host.state).run_on(host), parent)
        journals[key] = Journal(host.name, f"{database} ({place})" if is_second else database, run.run_id)
        if report is not None:
            journals[key].began_s, journals[key].changed = report.began_s, report.changed
            report.journals[key] = journals[key]
    return journals[key]


def _report_of(state: State, run: Run, parent: Path) -> _Report:
    if not _reports:
        atexit.register(_finish_all)
    return _reports.setdefault(id(state), _Report(state, run, parent))


def finish(state: State) -> Path | None:
    """Writes the last word of a run and forgets it; returns the page, or None where there is no report.

    Called when the program exits; programs that start many runs call it after each.
    """
    _journals.pop(state, None)
    report = _reports.pop(id(state), None)
    if report is None:
        return None
    report.write(ended=True)
    return None if report.unwritable else report.folder / "report.html"


def _finish_all() -> None:
    for report in list(_reports.values()):
        page = finish(report.state)
        if page is not None:
            logger.info(f"--> Report: {page}")
