"""What other users of a host plant there, what a killed run leaves, and the three lines in which a run refuses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import Result

SHELLS = [
    pytest.param(
        command, id=command[0], marks=pytest.mark.skipif(shutil.which(command[0]) is None, reason=f"no {command[0]}")
    )
    for command in (["dash"], ["bash"], ["busybox", "sh"])
]
OTHER = "nobody"
LONG_AGO = (1, 1)


def link(path: Path) -> None:
    target = path.parent.parent / "victim"
    target.write_text("precious")
    path.symlink_to(target)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def of_other(path: Path) -> None:
    path.write_text("aaaa 1\n")
    shutil.chown(path, OTHER)


def with_a_hole(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 42)


def name_of(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_three_lines(result: Result) -> str:
    """Returns the refusal that a run ended with; fails for a traceback."""
    assert not result.ok
    assert "Traceback" not in result.text
    refusal = result.refusals[-1]
    message, detail, hint = refusal.splitlines()
    assert message.startswith(("could not ", "cannot ", "backup "))
    assert detail.startswith("DETAIL: Found")
    assert hint.startswith("HINT: ")
    return refusal
