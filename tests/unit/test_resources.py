"""The SQL and shell programs of the package, by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pyinfra_pgmigrate
import pytest
from pyinfra_pgmigrate.resources import read_shell, read_sql, shell_program

PACKAGE = Path(pyinfra_pgmigrate.__file__).parent
PROGRAMS = sorted(path.stem for path in (PACKAGE / "backup").glob("*.sh") if path.stem not in {"head", "into"})


def test_a_file_is_read_whole() -> None:
    assert read_sql("catalog/fingerprint") == (PACKAGE / "catalog" / "fingerprint.sql").read_text(encoding="utf-8")
    assert read_shell("psql/room") == (PACKAGE / "psql" / "room.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize("read", [read_sql, read_shell])
def test_one_that_is_not_there_is_an_error(read: Callable[[str], str]) -> None:
    with pytest.raises(FileNotFoundError):
        read("catalog/nothing")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_head_that_all_have_and_is_shell(name: str) -> None:
    text = shell_program(f"backup/{name}")

    assert text.startswith(read_shell("backup/head"))
    assert text.endswith(read_shell(f"backup/{name}"))
    assert read_shell("psql/room") in text
    # The shell reads it, and runs nothing of it.
    subprocess.run(["sh", "-n"], input=text.encode(), check=True)


def test_the_two_that_fill_a_copy_share_how() -> None:
    into = read_shell("backup/into")

    assert {name for name in PROGRAMS if into in shell_program(f"backup/{name}")} == {"restore", "copy_structure"}
