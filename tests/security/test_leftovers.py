"""Temporary folders that killed programs left: removed by the next one, those of others stay."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.resources import read_shell
from pyinfra_pgmigrate.settings import read_settings

from tests.security.planted import LONG_AGO, OTHER, SHELLS, is_alive
from tests.support.harness import status
from tests.support.servers import Database
from tests.support.waiting import wait_for


class TestLeftovers:
    def _killed(self, shell: list[str], place: Path, orphan: str = "") -> Path:
        """Kills a program that has a temporary folder and returns that folder."""
        text = f"{read_shell('psql/room')}\nmake_room\n{orphan}\nkill -s KILL $$"
        subprocess.run([*shell, "-c", text], env={**os.environ, "TMPDIR": str(place)}, check=False)
        (left,) = place.iterdir()
        return left

    @pytest.mark.parametrize("shell", SHELLS)
    def test_of_a_killed_program_are_removed_by_the_next_one(self, shell: list[str], tmp_path: Path) -> None:
        left = self._killed(shell, tmp_path)
        # Its number is that of another process by now.
        (left / "lock").write_text("1\n")

        text = f'{read_shell("psql/room")}\nmake_room && ls -d "$work"'
        ended = subprocess.run(
            [*shell, "-c", text],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            check=True,
            capture_output=True,
            text=True,
        )

        assert not left.exists()
        assert Path(ended.stdout.strip()).is_dir()

    @pytest.mark.parametrize("shell", SHELLS)
    def test_into_which_something_still_writes_go_when_it_has_ended(self, shell: list[str], tmp_path: Path) -> None:
        writer = 'n=0; while [ "$n" -lt 30000 ]; do n=$((n + 1)); : >"$work/$n"; done'
        text = f"{read_shell('psql/room')}\nmake_room\n({writer}) 2>/dev/null &\nsleep 0.1; clear_room; wait"

        subprocess.run([*shell, "-c", text], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)

        assert list(tmp_path.iterdir()) == []

    def test_of_what_a_killed_program_left_at_work_stay_until_that_has_ended(self, tmp_path: Path) -> None:
        left = self._killed(["sh"], tmp_path, orphan='sleep 600 & echo $! >"$work/pid"')
        orphan = int((left / "pid").read_text())
        make = ["sh", "-c", f'{read_shell("psql/room")}\nmake_room; rm -rf "$work"']

        subprocess.run(make, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
        assert left.is_dir()
        os.kill(orphan, signal.SIGKILL)
        wait_for(lambda: not is_alive(orphan), what="the end of what was left at work")
        subprocess.run(make, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
        assert not left.exists()

    def test_of_others_and_links_and_what_may_be_at_work_stay(self, tmp_path: Path) -> None:
        names = ("victim", "pgmigrate.0000000001", "pgmigrate.0000000002", "pgmigrate.other")
        for name in names:
            (tmp_path / name).mkdir()
            (tmp_path / name / "lock").write_text("999999\n")
        shutil.chown(tmp_path / names[1], OTHER)
        (tmp_path / "pgmigrate.0000000003").symlink_to("victim")
        (tmp_path / "pgmigrate.0000000002" / "lock").unlink()
        (tmp_path / "pgmigrate.0000000002" / "script.sql").touch()
        make = ["sh", "-c", f'{read_shell("psql/room")}\nmake_room; rm -rf "$work"']

        subprocess.run(make, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)

        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "pgmigrate.0000000003"])
        assert (tmp_path / "victim" / "lock").exists()
        os.utime(tmp_path / "pgmigrate.0000000002", LONG_AGO)
        subprocess.run(make, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
        assert not (tmp_path / "pgmigrate.0000000002").exists()

    def test_of_killed_steps_and_backups_are_removed_by_the_next_run(
        self, kept: Callable[..., dict[str, Any]], tmp_path: Path, legacy: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tmp_path / "temporary"
        place.mkdir()
        monkeypatch.setenv("TMPDIR", str(place))
        text = "SELECT pg_sleep(600);"
        connection = read_settings(legacy.settings()).connection
        command = psql_command(text, connection)
        environment = {**os.environ, "TMPDIR": str(place)}
        with subprocess.Popen(
            ["sh", "-c", f"exec {command.line}"],
            stdin=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        ) as begun:
            assert begun.stdin is not None
            begun.stdin.write("\n".join(command.stdin))
            begun.stdin.close()
            wait_for(lambda: any(place.glob("*/errors")), what="the script to run")
            os.killpg(begun.pid, signal.SIGKILL)
        assert len(list(place.iterdir())) == 1

        assert status(legacy.settings()).ok

        assert list(place.iterdir()) == []
