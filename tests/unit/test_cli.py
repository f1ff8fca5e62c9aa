"""The command pgmigrate where the machine does not let it work: three lines, and no traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main

HEADER = "-- purpose: try\n-- phase: schema\n\n"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert [line.split(" ")[0] for line in printed.splitlines()[1:]] == ["DETAIL:", "HINT:"]
    return printed


def test_a_folder_for_temporary_files_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "001_a.sql").write_text(HEADER)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    printed = refused(capsys, "record", str(tmp_path))

    assert printed.startswith("could not start the embedded PostgreSQL\nDETAIL: Found: [Errno 2] No such file")
    assert "HINT: Set TMPDIR to a folder of this account" in printed


def test_a_server_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "001_a.sql").write_text(HEADER)

    for conninfo in (f"host={tmp_path}", "nonsense"):
        printed = refused(capsys, "record", str(tmp_path), "--server", conninfo)

        assert printed.startswith("could not connect to the scratch server\n")


@pytest.mark.parametrize("command", ["record", "check"])
def test_text_that_is_no_utf_8_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (tmp_path / "001_a.sql").write_bytes(HEADER.encode() + b"SELECT '\xe4'")

    printed = refused(capsys, command, str(tmp_path))

    assert printed.startswith("could not read 001_a.sql, line 4: it is no UTF-8 text\n")


def test_an_effect_that_is_no_utf_8_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "001_a.sql").write_text(HEADER)
    (tmp_path / "001_a.effect").write_bytes(b"\xe4")

    assert refused(capsys, "check", str(tmp_path)).startswith(
        "could not read 001_a.effect, line 1: it is no UTF-8 text"
    )


def test_a_new_migration_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder")

    below = refused(capsys, "new", "add_something", "--dir", str(tmp_path / "file" / "sql"))
    instead = refused(capsys, "new", "add_something", "--dir", str(tmp_path / "file"))

    assert below.startswith(f'could not write "{tmp_path}/file/sql/001_add_something.sql": Not a directory\n')
    assert instead.startswith(f'could not write "{tmp_path}/file/001_add_something.sql": File exists\n')
