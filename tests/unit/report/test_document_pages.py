"""The report of a run as pages, without a database."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.execution.outcome import Outcome
from pyinfra_pgmigrate.execution.steps import steps_of
from pyinfra_pgmigrate.execution.trace import traces_of
from pyinfra_pgmigrate.host.events import Span
from pyinfra_pgmigrate.rehearsal.moments import Held, Row, Table, Works
from pyinfra_pgmigrate.report.document import MOST_ON_A_PAGE, _template, document, render_json, render_pages
from pyinfra_pgmigrate.report.findings import HostState, Stage
from pyinfra_pgmigrate.report.journal import Event, Line
from pyinfra_pgmigrate.validation.verdict import Check, Verdict

from tests.support import plans
from tests.support.contents import RUN
from tests.support.migrations import NAMES
from tests.unit.backup.test_store import manifest
from tests.unit.report.journals import journal, page_of, whole


@pytest.fixture
def anew() -> Iterator[None]:
    """The page is compiled again, or taken from where it was kept."""
    _template.cache_clear()
    yield
    _template.cache_clear()


def page() -> str:
    """Returns the page of a run without a host."""
    return render_pages(document(RUN, [], {}, Stage.ENDED, 0.0, 1.0))["report.html"]


def test_the_compiled_page_is_kept_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anew: None
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first = page()
    (kept,) = tmp_path.rglob("*.cache")
    written = kept.stat().st_mtime_ns
    _template.cache_clear()

    assert page() == first
    assert kept.stat().st_mtime_ns == written
    assert kept.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("broken", ["missing", "file", "damaged"])
def test_where_it_cannot_be_kept_it_is_compiled_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anew: None, broken: str
) -> None:
    expected = page()
    _template.cache_clear()
    place = tmp_path / "temporary"
    if broken == "file":
        place.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    if broken == "damaged":
        place.mkdir()
        page()
        (kept,) = place.rglob("*.cache")
        kept.write_bytes(kept.read_bytes()[:200])
        _template.cache_clear()

    assert page() == expected


class TestPages:
    def test_beyond_ten_hosts_each_has_its_own(self) -> None:
        names = [f"web-{number}" for number in range(MOST_ON_A_PAGE + 1)]
        pages = render_pages(whole(*map(journal, names), hosts={"web-4": HostState.FAILED}))
        index = pages.pop("report.html")

        assert list(render_pages(whole(*map(journal, names[:-1])))) == ["report.html"]
        assert len(pages) == len(names)
        for name, text in pages.items():
            assert f'href="{name}"' in index
            assert 'href="report.html"' in text
            assert "<h3>Migrations: 0 of 6 applied</h3>" in text
        assert "Migrations: " not in index
        assert index.index(">web-4<") < index.index(">web-0<")

    def test_hosts_of_alike_names_have_pages_of_their_own(self) -> None:
        names = [f"web {character}" for character in "!?*/:<>|&%;"]
        pages = render_pages(whole(*map(journal, names)))

        assert len(pages) == len(names) + 1
        assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in pages)

    def test_a_thousand_migrations_and_a_hundred_hosts_stay_below_a_mebibyte_a_page(self) -> None:
        found = journal()
        assert found.plan is not None
        (decision,) = [one for one in found.plan.decisions if one.migration.version == 1]
        step = steps_of(decision, ends_run=True)[0]
        found.plan = replace(found.plan, decisions=found.plan.decisions * 170)
        found.traces = [
            replace(one, migration=f"{number:04}_{one.migration}")
            for number in range(1000)
            for one in traces_of(step, Outcome("done", durations=((1, 7), (2, 9)), added=step.patch.plus))
        ]
        found.events = [Event(Span.PHASE, "All", 0.0, 60.0)]
        found.events += [
            Event(Span.STEP, f"{number:04}_step, statement 1", number / 20, 0.05) for number in range(1000)
        ]
        found.actual = Patch(frozenset(), frozenset(f"column table_{number}.a integer" for number in range(5000)))
        found.lines = [Line(1.0, f"    {number:04}_step: statement 1 in 7 ms") for number in range(20_000)]
        many = render_pages(whole(found, *(journal(f"web-{number}") for number in range(2, 101))))

        assert max(map(len, many.values())) < 1024**2
        assert "report.json has them all" in page_of(found)


class TestPage:
    def full(self) -> dict[str, Any]:
        found = journal(state="rolled-back-quarantined")
        found.events = [
            Event(Span.PHASE, "Migrate <db>", 0.0, 754.0),
            Event(Span.STEP, "001", 1.0, 0.0421, "detail", on_copy=True),
            Event(Span.LOCK, "002", 2.0, 12.34, ended_well=False),
            Event(Span.STEP, "003", 3.0, None),
        ]
        found.lines = [Line(1.0, "<script>alert(1)</script>"), Line(2.0, "failed", is_error=True)]
        found.checks = (Check(Verdict.FAIL, "drift", "view <a>", "there", "not there", "DROP VIEW a"),)
        found.backup = manifest(1)
        row = Row("add", "add one", (Works.WORKS, Works.FAILS), ("", "no column"))
        found.uses = Table(("", NAMES[0]), (row,), (Held("add", 1, "0A000", "cached plan", "00000", "00000"),), "late")
        step = steps_of(plans.decision("legacy", 1), ends_run=True)[0]
        found.traces = list(traces_of(step, Outcome("done", durations=((1, 7), (2, 9)), added=step.patch.plus)))
        back = journal("web-2", state="applied-6")
        back.plan, back.rollback = None, plans.rollback("applied-6")
        return whole(found, back, hosts={"web-9": HostState.UNREACHED})

    def test_shows_names_and_lines_as_text_and_never_as_markup(self) -> None:
        text = render_pages(self.full())["report.html"]

        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script>alert(1)" not in text
        assert "view &lt;a&gt;" in text
        for name in ("web-1", "web-2", "web-9", NAMES[0], "stage.1", "cached plan"):
            assert name in text

    def test_shows_durations_as_people_say_them(self) -> None:
        text = render_pages(self.full())["report.html"]

        for words in ("42 ms", "12.3 s", "12 min 34 s", "cut off"):
            assert words in text

    def test_loads_nothing_from_elsewhere(self) -> None:
        assert not re.search(
            r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(\s*["']?http""", render_pages(self.full())["report.html"]
        )

    def test_json_is_what_it_was_made_of(self) -> None:
        found = self.full()
        text = render_json(found)

        assert json.loads(text) == found
        assert text.endswith("}\n")
        assert found["format"] == 1
