"""What other users of a host can put in the way of a run, or leave there: nothing is followed, nothing hangs."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.manifest import json_line
from pyinfra_pgmigrate.backup.store import unsafe
from pyinfra_pgmigrate.psql.answer import Answer, read_answer
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.resources import read_shell, shell_program
from pyinfra_pgmigrate.settings import read_settings

from tests.conftest import NEWEST, Machines
from tests.support.backups import labels, taken
from tests.support.harness import Result, backup, migrate, restore, rollback, status, validate
from tests.support.servers import Database
from tests.support.waiting import wait_for

SHELLS = [
    pytest.param(
        command, id=command[0], marks=pytest.mark.skipif(shutil.which(command[0]) is None, reason=f"no {command[0]}")
    )
    for command in (["dash"], ["bash"], ["busybox", "sh"])
]
OTHER = "nobody"
LONG_AGO = (1, 1)


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


def _link(path: Path) -> None:
    target = path.parent.parent / "victim"
    target.write_text("precious")
    path.symlink_to(target)


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "made-by-us")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _of_other(path: Path) -> None:
    path.write_text("aaaa 1\n")
    shutil.chown(path, OTHER)


def _open_to_all(path: Path) -> None:
    path.write_text("aaaa 1\n")
    path.chmod(0o666)


def _with_a_hole(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 42)


PLANTED = [_link, _broken_link, _fifo, _folder, _of_other, _open_to_all]


def _names(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_")


class TestOurFiles:
    @pytest.mark.parametrize("plant", [*PLANTED, _with_a_hole], ids=_names)
    @pytest.mark.parametrize("name", [".shop.claim", ".shop.run"])
    def test_what_is_planted_in_their_place_is_refused_and_stays_as_it_is(
        self, host: Host, name: str, plant: Callable[[Path], None]
    ) -> None:
        plant(host.folder / name)

        assert host.refused("claim", 20) == str(host.folder / name)
        victim = host.folder.parent / "victim"
        assert not victim.exists() or victim.read_text() == "precious"
        assert not (host.folder.parent / "made-by-us").exists()

    @pytest.mark.parametrize("plant", PLANTED, ids=_names)
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
        assert _is_alive(orphan)
        os.utime(host.folder / ".shop.run", LONG_AGO)
        return orphan

    def test_what_a_killed_run_left_at_work_is_killed_by_the_next(self, host: Host) -> None:
        orphan = self._orphan(host)

        assert host.call("claim", 20).status == 0

        assert not _is_alive(orphan)

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
        assert not _is_alive(orphan)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _nested(path: Path) -> None:
    path.write_text("[" * 1_000_000)
    path.chmod(0o600)


def _no_object(path: Path) -> None:
    path.write_text('[{"manifest_sha256": 1}]')
    path.chmod(0o600)


def _of_odd_kinds(path: Path) -> None:
    """A manifest that fits its own hash, and whose values are of kinds that no manifest has."""
    values = json.loads(path.read_text())
    del values["manifest_sha256"]
    values["rows"], values["roles"] = "many", {"a": ["b"]}
    path.write_text(json_line({**values, "manifest_sha256": hashlib.sha256(json_line(values).encode()).hexdigest()}))


def _with_more(path: Path) -> None:
    """A manifest that fits its own hash, with a value that no manifest has."""
    values = json.loads(path.read_text())
    del values["manifest_sha256"]
    values["more"] = 1
    path.write_text(json_line({**values, "manifest_sha256": hashlib.sha256(json_line(values).encode()).hexdigest()}))


def _replaced(plant: Callable[[Path], None], name: str) -> Callable[[Path], None]:
    def damage(backup: Path) -> None:
        path = backup / name
        if plant in (_of_odd_kinds, _with_more):
            plant(path)
            return
        path.unlink()
        plant(path)

    damage.__name__ = f"{name}{plant.__name__}"
    return damage


def _linked_label(backup: Path) -> None:
    elsewhere = backup.parent.parent / "elsewhere"
    backup.rename(elsewhere)
    backup.symlink_to(elsewhere)


def _hole_in_the_dump(backup: Path) -> None:
    os.truncate(max((backup / "dump").iterdir()), 1 << 42)


def _listed_outside(backup: Path) -> None:
    path = backup / "files.sha256"
    path.write_text(f"{'0' * 64}  /dev/zero\n")


MANIFESTS = [_link, _fifo, _of_other, _with_a_hole, _nested, _no_object, _of_odd_kinds, _with_more]
DAMAGES = [
    *[_replaced(plant, "manifest.json") for plant in MANIFESTS],
    *[_replaced(plant, name) for plant in (_fifo, _with_a_hole, _nested) for name in ("contents.json", "files.sha256")],
    _linked_label,
    _hole_in_the_dump,
    _listed_outside,
]


def _in_three_lines(result: Result) -> str:
    """Returns the refusal that a run ended with; fails for a traceback."""
    assert not result.ok
    assert "Traceback" not in result.text
    refusal = result.refusals[-1]
    message, detail, hint = refusal.splitlines()
    assert message.startswith(("could not ", "cannot ", "backup "))
    assert detail.startswith("DETAIL: Found")
    assert hint.startswith("HINT: ")
    return refusal


class TestDamage:
    @pytest.fixture(scope="class")
    @staticmethod
    def kept_once(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
        """A database with a good backup."""
        folder = tmp_path_factory.mktemp("once") / "backups"
        with machines.server(NEWEST).database("legacy") as database:
            taken(folder, database.settings(pg_skip_backup=False, pg_backup_dir=str(folder), pg_verify="read"))
            yield database, folder

    @pytest.mark.parametrize("damage", DAMAGES, ids=_names)
    def test_is_refused_in_three_lines_in_time(
        self, kept_once: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = kept_once
        folder = tmp_path / "backups"
        shutil.copytree(original, folder)
        (label,) = labels(folder)
        damage(folder / label)
        settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder), pg_run_wait_s=5)

        for result in (restore({**settings, "pg_backup": label}), backup({**settings, "pg_backup": label})):
            assert label in _in_three_lines(result)


class TestVerbs:
    @pytest.mark.parametrize("verb", [backup, migrate, rollback, restore], ids=_names)
    def test_say_in_three_lines_which_path_they_do_not_use_and_how_to_mend_it(
        self, kept: Callable[..., dict[str, Any]], folder: Path, legacy: Database, verb: Callable[..., Result]
    ) -> None:
        if verb is rollback:
            migrate(legacy.settings())
        folder.mkdir()
        folder.chmod(0o777)

        refusal = _in_three_lines(verb(kept(pg_backup="latest" if verb is restore else None)))

        assert f"{folder} is not safe" in refusal
        assert f"{folder} with mode 777" in refusal
        assert f"chmod go-w {folder}" in refusal
        folder.chmod(0o700)
        assert backup(kept(pg_verify="read")).ok

    def test_validate_fails_where_it_cannot_compare_with_the_backup(
        self, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        folder.mkdir()
        folder.chmod(0o777)

        result = validate(kept(pg_backup="latest"))

        assert not result.ok
        assert f"{folder} is not safe" in result.text
        assert "Traceback" not in result.text

    def test_a_link_in_place_of_the_claim_costs_nobody_a_file(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path, legacy: Database
    ) -> None:
        folder.mkdir(mode=0o700)
        victim = tmp_path / "victim"
        victim.write_text("precious")
        claim = folder / f".{legacy.name}.claim"
        claim.symlink_to(victim)

        refusal = _in_three_lines(backup(kept()))

        assert victim.read_text() == "precious"
        assert f"rm {claim}" in refusal
        claim.unlink()
        assert backup(kept(pg_verify="read")).ok


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
        wait_for(lambda: not _is_alive(orphan), what="the end of what was left at work")
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


class TestFetched:
    @pytest.mark.parametrize("mode", [0o777, 0o770])
    def test_no_backup_comes_into_a_folder_of_the_controller_that_others_may_write_to(
        self, kept: Callable[..., dict[str, Any]], tmp_path: Path, mode: int
    ) -> None:
        target = tmp_path / "fetched"
        target.mkdir()
        target.chmod(mode)

        refusal = _in_three_lines(backup(kept(pg_verify="read", pg_backup_fetch=str(target))))

        assert f"chmod go-w {target}" in refusal
        assert list(target.iterdir()) == []

    def test_a_link_in_place_of_a_backup_there_is_no_backup(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path
    ) -> None:
        label = taken(folder, kept(pg_verify="read"))
        target = tmp_path / "fetched"
        target.mkdir()
        (target / label).symlink_to(folder / label)

        refusal = _in_three_lines(backup(kept(pg_verify="read", pg_backup_fetch=str(target))))

        assert f'could not fetch backup "{label}"' in refusal
        assert (target / label).is_symlink()
