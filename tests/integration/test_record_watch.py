"""Recording that goes on: each change of the folder is recorded, and what is wrong with it is told."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.recordings import HEADER, conninfo, scratch_databases, written
from tests.support.cli import PGMIGRATE
from tests.support.servers import Server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "sql"
    place.mkdir()
    return written(place, "ALTER TABLE a ADD COLUMN one integer;", baseline="CREATE TABLE a (id integer);")


@pytest.fixture
def printed(server: Server, folder: Path, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What a recording that goes on has printed so far; Ctrl-C ends it at the end, and leaves nothing."""
    command = ["env", "--default-signal=HUP,INT", str(PGMIGRATE), "record", str(folder), "--watch"]
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*command, "--server", conninfo(server)], stdout=file, stderr=file, start_new_session=True
        )
        try:
            yield output.read_text
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 128 + signal.SIGINT
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in output.read_text()
    assert scratch_databases(server) == []


def _watches(printed: Callable[[], str], times: int) -> str:
    """Waits until it waits for the next change, and returns what it has printed."""
    wait_for(lambda: printed().count("watching ") == times, what="the end of a recording", seconds=60)
    return printed()


def test_what_changes_is_recorded_whether_or_not_it_is_right_at_first(printed: Callable[[], str], folder: Path) -> None:
    _watches(printed, 1)
    first = (folder / "001_m.effect").read_text()
    assert "+ column a.one" in first

    (folder / "002_m.sql").write_text(HEADER + "ALTER TABLE a ADD COLUMN two nonsense;")
    assert 'could not record 002_m.sql, line 4: type "nonsense" does not exist' in _watches(printed, 2)
    assert not (folder / "002_m.effect").exists()

    (folder / "002_m.sql").write_text(HEADER + "ALTER TABLE a ADD COLUMN two integer;")
    output = _watches(printed, 3)
    assert "+ column a.two" in (folder / "002_m.effect").read_text()
    assert (folder / "001_m.effect").read_text() == first
    # What stays as it is is not told each time, and what it writes itself is no change.
    assert "as before" not in output
    assert output.count("001_m.effect") == output.count("002_m.effect") == 1


def test_a_folder_that_is_gone_for_a_while_is_told_and_waited_for(printed: Callable[[], str], folder: Path) -> None:
    _watches(printed, 1)

    away = folder.rename(folder.with_name("away"))
    assert "HINT: " in _watches(printed, 2)

    away.rename(folder)
    assert _watches(printed, 3).count("HINT: ") == 1
