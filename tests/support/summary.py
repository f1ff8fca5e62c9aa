"""What pytest tells at the end, besides its own: servers, where the time went, figures; and failures kept short."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Lines of what a failed test logged or printed: the last ones say why.
SHOWN = 40


class Summary:
    """A plugin of pytest; with xdist one in each worker, which hands on to the one in the controller.

    + servers: version with minor number of each server that a test ran on
    """

    def __init__(self) -> None:
        self.servers: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Shortens what a test logged and printed."""
        report = yield
        report.sections = [(name, _end_of(text)) for name, text in report.sections]
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hands on, in a worker."""
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["servers"] = sorted(self.servers)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes over from a worker; one that crashed has nothing to say."""
        self.servers.update(getattr(node, "workeroutput", {}).get("servers", []))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints it."""
        reports = [
            report
            for found in terminalreporter.stats.values()
            for report in found
            if isinstance(report, pytest.TestReport)
        ]
        self._figures(terminalreporter, reports)
        self._parts(terminalreporter, reports)
        if self.servers:
            terminalreporter.write_line("servers: " + ", ".join(sorted(self.servers, key=_numbers)))

    @staticmethod
    def _figures(terminal: pytest.TerminalReporter, reports: list[pytest.TestReport]) -> None:
        """Prints what tests found out and noted with ``record_property("figures", text)``."""
        found = {
            report.nodeid: text for report in reports for name, text in report.user_properties if name == "figures"
        }
        if found:
            terminal.section("figures")
        for test, text in sorted(found.items()):
            terminal.write_line(test)
            for line in str(text).splitlines():
                terminal.write_line(f"    {line}")

    @staticmethod
    def _parts(terminal: pytest.TerminalReporter, reports: list[pytest.TestReport]) -> None:
        """Prints how long the tests of each folder took, all processes together; also into the file $PYTEST_PARTS."""
        tests: dict[str, set[str]] = defaultdict(set)
        seconds: dict[str, float] = defaultdict(float)
        for report in reports:
            folder = report.nodeid.split("::", 1)[0].rsplit("/", 1)[0]
            tests[folder].add(report.nodeid)
            seconds[folder] += report.duration
        lines = [
            f"{folder}: {len(tests[folder])} tests, {seconds[folder]:.0f} s of test time" for folder in sorted(tests)
        ]
        if not lines:
            return
        terminal.section("time by part, all processes together")
        for line in lines:
            terminal.write_line(line)
        if path := os.environ.get("PYTEST_PARTS"):
            with Path(path).open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)


def _end_of(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= SHOWN:
        return text
    return "\n".join([f"... {len(lines) - SHOWN} lines before", *lines[-SHOWN:]])


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]
