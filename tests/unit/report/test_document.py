"""The page of a report, without a database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyinfra_pgmigrate.report.document import _template, document, render_html
from pyinfra_pgmigrate.report.findings import Stage

from tests.support.contents import RUN


@pytest.fixture
def anew() -> Iterator[None]:
    """The page is compiled again, or taken from where it was kept."""
    _template.cache_clear()
    yield
    _template.cache_clear()


def page() -> str:
    """Returns the page of a run without a host."""
    return render_html(document(RUN, [], {}, Stage.ENDED, 0.0, 1.0))


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
