"""The command pgmigrate where the machine does not let it work: three lines, and no traceback."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main
from pyinfra_pgmigrate.commands.check import Found
from pyinfra_pgmigrate.settings import KEYS

from tests.support.servers import SQL

HEADER = "-- purpose: try\n-- phase: schema\n\n"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert [line.split(" ")[0] for line in printed.splitlines()[1:]] == ["DETAIL:", "HINT:"]
    return printed


def test_without_a_command_it_says_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    assert "baseline" in capsys.readouterr().out


def test_it_tells_its_version_as_a_module_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pyinfra_pgmigrate", "--version"], capture_output=True, text=True, check=True
    )

    assert ended.stdout == f"pyinfra-pgmigrate {version('pyinfra-pgmigrate')}\n"


def test_a_project_begins_once_and_what_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").write_text("mine\n")

    assert main(["init", "--database", "shop"]) == 0

    assert ".gitignore: there already, left as it is" in capsys.readouterr().out
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    deploys = sorted(path.stem for path in (tmp_path / "deploy").iterdir())
    assert deploys == ["backup", "migrate", "restore", "rollback", "status", "validate"]
    for path in [*tmp_path.glob("deploy/*.py"), *tmp_path.glob("inventories/*.py")]:
        compile(path.read_text(), str(path), "exec")
    data = runpy.run_path(str(tmp_path / "inventories" / "production.py"))["production"][0][1]
    assert (data["pg_database"], data["_sudo_user"], data["pg_needs_confirm"]) == ("shop", "shop", True)
    assert set(data) - {"ssh_user", "_sudo", "_sudo_user"} <= set(KEYS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["init", "--database", "other"]) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


class TestCheck:
    """What is found, for people and for machines."""

    def test_findings_are_annotations_and_json(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        (tmp_path / "001_a.sql").write_text(HEADER + "SELECT 1")

        assert main(["check", str(tmp_path), "--format", "github"]) == 1
        github = capsys.readouterr().out
        assert main(["check", str(tmp_path), "--format", "json"]) == 1
        found = json.loads(capsys.readouterr().out)

        assert github.startswith(f'::error file={tmp_path}/001_a.sql,title=effect::cannot use migration "001_a"')
        assert "%0ADETAIL" not in github
        assert github.count("\n") == 1
        assert found["migrations"] == 1
        (one,) = found["findings"]
        assert (one["rule"], one["line"], one["hint"]) == ("effect", 0, f"Run: pgmigrate record {tmp_path}")

    def test_a_folder_that_cannot_be_read_is_a_finding_too(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["check", str(tmp_path / "gone"), "--format", "json"]) == 1

        (one,) = json.loads(capsys.readouterr().out)["findings"]
        assert one["rule"] == "settings"

    def test_the_folder_may_be_named_either_way(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert [main(["check", str(SQL)]), main(["check", "--dir", str(SQL)])] == [0, 0]

        assert len(set(capsys.readouterr().out.splitlines())) == 1

    def test_nothing_found_is_0(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(SQL), "--format", "json"]) == 0

        assert json.loads(capsys.readouterr().out) == {"migrations": 6, "findings": []}

    def test_lines_and_signs_of_the_format_are_escaped(self) -> None:
        found = Found("a,b:c%.sql", 3, "rule", "one\ntwo", "50 %", "do")

        assert found.as_annotation == ("::error file=a%2Cb%3Ac%25.sql,line=3,title=rule::one%0Atwo%0A50 %25%0AHINT: do")


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


def test_a_word_loads_what_it_needs_and_no_more() -> None:
    heavy = "{'psycopg', 'postgast', 'jinja2', 'pyinfra', 'importlib.metadata'}"
    program = f"import sys, pyinfra_pgmigrate.cli; print(sorted({heavy} & set(sys.modules)))"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout == "[]\n"
