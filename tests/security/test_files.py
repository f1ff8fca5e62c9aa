"""What other users of a host can put in the way of its programs: nothing is followed, nothing hangs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup.store import unsafe
from pyinfra_pgmigrate.psql.answer import Answer, read_answer
from pyinfra_pgmigrate.resources import shell_program

from tests.security.planted import LONG_AGO, OTHER, SHELLS, fifo, is_alive, link, name_of, of_other, with_a_hole
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Host:
    """This machine as a host: a shell, and a folder of backups of database "shop"."""

    shell: list[str]
    folder: Path

    def command(self, text: str, run: str, *arguments: object) -> list[str]:
        """Returns the command that runs a program of the backups."""
        return ["setsid", "--wait", *self.shell, "-c", text, "pgmigrate", str(self.folder), "shop", run, ""] + [
            str(one) for one in arguments
        ]

    def call(self, program: str, *arguments: object, run: str = "aaaa") -> Answer:
        """Returns what a program of the backups says."""
        ended = subprocess.run(
            self.command(shell_program(f"backup/{program}"), run, *arguments),
            input="\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return read_answer(ended.stdout.splitlines())

    def refused(self, program: str, *arguments: object) -> str:
        """Returns the path that a program would not use."""
        found = unsafe(self.call(program, *arguments))
        assert found is not None
        assert found.found
        assert found.expected
        assert found.cure
        return found.path


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host with each shell that is here."""
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    return Host(request.param, folder)


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "made-by-us")


def _folder(path: Path) -> None:
    path.mkdir()


def _open_to_all(path: Path) -> None:
    path.write_text("aaaa 1\n")
    path.chmod(0o666)


PLANTED = [link, _broken_link, fifo, _folder, of_other, _open_to_all]


class TestOurFiles:
    @pytest.mark.parametrize("plant", [*PLANTED, with_a_hole], ids=name_of)
    @pytest.mark.parametrize("name", [".shop.claim", ".shop.run"])
    def test_what_is_planted_in_their_place_is_refused_and_stays_as_it_is(
        self, host: Host, name: str, plant: Callable[[Path], None]
    ) -> None:
        plant(host.folder / name)

        assert host.refused("claim", 20) == str(host.folder / name)
        victim = host.folder.parent / "victim"
        assert not victim.exists() or victim.read_text() == "precious"
        assert not (host.folder.parent / "made-by-us").exists()

    @pytest.mark.parametrize("plant", PLANTED, ids=name_of)
    def test_a_lock_that_is_planted_is_refused_and_stays_as_it_is(
        self, host: Host, plant: Callable[[Path], None]
    ) -> None:
        assert host.call("claim", 20).status == 0
        plant(host.folder / ".shop.lock")

        for program in ("claim", "remove", "release"):
            assert host.refused(program) == str(host.folder / ".shop.lock")
        victim = host.folder.parent / "victim"
        assert not victim.exists() or victim.read_text() == "precious"

    @pytest.mark.parametrize("way", ["{0}/pgmigrate.x/../../victim", "{0}/victim/pgmigrate.x", "{0}/pgmigrate.x/.."])
    def test_a_run_file_removes_no_folder_by_its_name(self, host: Host, way: str) -> None:
        base = host.folder.parent
        for name in ("victim/pgmigrate.x", "pgmigrate.x"):
            (base / name).mkdir(parents=True)
        run_file = host.folder / ".shop.run"
        run_file.write_text(f"dead 999999 {way.format(base)}\n")
        os.utime(run_file, LONG_AGO)

        assert host.call("claim", 20).status == 0

        assert (base / "victim" / "pgmigrate.x").is_dir()
        assert (base / "pgmigrate.x").is_dir()

    def test_a_sign_of_life_from_the_future_is_none(self, host: Host) -> None:
        run_file = host.folder / ".shop.run"
        run_file.write_text("dead -\n")
        os.utime(run_file, (1 << 33, 1 << 33))

        assert host.call("claim", 20).value("busy") is None

    def test_a_live_run_is_waited_for(self, host: Host) -> None:
        assert host.call("claim", 20, run="bbbb").status == 0

        assert host.call("claim", 20).value("busy")[0] == "bbbb"


class TestFolder:
    def test_one_that_others_may_write_to_is_refused(self, host: Host) -> None:
        host.folder.chmod(0o770)

        for program in ("look", "claim", "remove"):
            assert host.refused(program, "") == str(host.folder)

    def test_one_of_another_user_is_refused(self, host: Host) -> None:
        shutil.chown(host.folder, OTHER)

        assert host.refused("claim", 20) == str(host.folder)
        assert host.refused("look", "") == str(host.folder)

    def test_a_link_to_one_is_refused(self, host: Host) -> None:
        host.folder.rename(host.folder.parent / "elsewhere")
        host.folder.symlink_to(host.folder.parent / "elsewhere")

        assert host.refused("claim", 20) == str(host.folder)
        assert list((host.folder.parent / "elsewhere").iterdir()) == []

    @pytest.mark.parametrize("mode", [0o777, 0o770, 0o2775])
    def test_a_parent_that_others_may_write_to_is_refused(self, host: Host, mode: int) -> None:
        parent = host.folder / "parent"
        parent.mkdir()
        parent.chmod(mode)
        inside = Host(host.shell, parent / "more" / "backups")

        assert inside.refused("claim", 20) == str(parent)
        assert list(parent.iterdir()) == []

    def test_a_parent_of_another_user_is_refused_whatever_lies_below(self, host: Host) -> None:
        inside = Host(host.shell, host.folder / "parent" / "backups")
        inside.folder.mkdir(parents=True)
        shutil.chown(inside.folder.parent, OTHER)

        assert inside.refused("claim", 20) == str(inside.folder.parent)

    def test_a_parent_where_each_may_change_only_his_own_will_do(self, host: Host) -> None:
        parent = host.folder / "parent"
        parent.mkdir()
        parent.chmod(0o1777)

        assert Host(host.shell, parent / "backups").call("claim", 20).status == 0
        assert (parent / "backups").stat().st_mode & 0o777 == 0o700

    def test_a_link_of_another_user_on_the_way_is_refused_and_one_of_root_is_followed(self, host: Host) -> None:
        (host.folder / "real").mkdir()
        for name in ("ours", "others"):
            (host.folder / name).symlink_to("real")
        os.chown(host.folder / "others", pwd.getpwnam(OTHER).pw_uid, -1, follow_symlinks=False)

        assert Host(host.shell, host.folder / "ours" / "backups").call("claim", 20).status == 0
        assert Host(host.shell, host.folder / "others" / "backups").refused("claim", 20) == str(host.folder / "others")

    def test_what_a_link_leads_through_is_looked_at_too(self, host: Host) -> None:
        (host.folder / "open" / "real").mkdir(parents=True)
        (host.folder / "open").chmod(0o777)
        (host.folder / "ours").symlink_to("open/real")

        assert Host(host.shell, host.folder / "ours" / "backups").refused("claim", 20) == str(host.folder / "open")


class TestOrphans:
    def _orphan(self, host: Host) -> int:
        """Kills a program of run "dead" and returns the process that it had started, which goes on."""
        assert host.call("claim", 20, run="dead").status == 0
        text = shell_program("backup/beat").replace("leave 0", 'hold\nsleep 600 & echo $! >"$folder/pid"\nwait')
        with subprocess.Popen(host.command(text, "dead"), stdin=subprocess.PIPE, text=True) as begun:
            assert begun.stdin is not None
            begun.stdin.write("\n")
            begun.stdin.flush()
            pid = host.folder / "pid"
            wait_for(lambda: pid.exists() and bool(pid.read_text().strip()), what="the program to be at work")
            group = int((host.folder / ".shop.run").read_text().split()[1])
            os.kill(group, signal.SIGKILL)
        orphan = int(pid.read_text())
        assert is_alive(orphan)
        os.utime(host.folder / ".shop.run", LONG_AGO)
        return orphan

    def test_what_a_killed_run_left_at_work_is_killed_by_the_next(self, host: Host) -> None:
        orphan = self._orphan(host)

        assert host.call("claim", 20).status == 0

        assert not is_alive(orphan)

    def test_a_process_that_has_the_number_of_a_dead_one_is_left_alone(self, host: Host) -> None:
        orphan = self._orphan(host)
        with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
            run_file = host.folder / ".shop.run"
            run_file.write_text(f"dead {stranger.pid}\n")
            os.utime(run_file, LONG_AGO)
            try:
                assert host.call("claim", 20).status == 0
                assert stranger.poll() is None
            finally:
                stranger.kill()
        assert not is_alive(orphan)
