"""What Barman says, as versions 3.4 and 3.13 print it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.physical.barman import Barman, BarmanBackup, BarmanServer, backup_of, server_of
from pyinfra_pgmigrate.physical.cover import Action

SYSTEM = "7713832785124888600"
BARMAN = Barman("barman")
MAIN = BarmanServer("main")


def printed(*, name: str = "main", **changes: Any) -> str:
    base = {
        "begin_wal": "000000010000000000000003",
        "end_wal": "000000010000000000000004",
        "begin_time_timestamp": "1796016668",
        "end_time_timestamp": "1796016669",
        "timeline": 1,
    }
    return json.dumps(
        {
            name: {
                "backup_id": "20261130T053108",
                "base_backup_information": base,
                "pgdata_directory": "/srv/my data",
                "status": "DONE",
                **changes,
            }
        }
    )


class TestServer:
    def test_the_one_with_our_identifier_is_found(self) -> None:
        text = (
            "server other\npostgres_systemid 5\nstreaming_systemid 5\nssh_command ssh postgres@a\n"
            f"server main\npostgres_systemid {SYSTEM}\nssh_command ssh postgres@b -p 2222\nstreaming_systemid None\n"
        )

        assert server_of(text, SYSTEM) == BarmanServer("main", "ssh postgres@b -p 2222")

    def test_one_without_a_connection_by_ssh(self) -> None:
        text = f"server main\npostgres_systemid {SYSTEM}\nssh_command None\nstreaming_systemid {SYSTEM}\n"

        assert server_of(text, SYSTEM) == MAIN

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "servers of Barman: none; none of them"),
            ("server main\npostgres_systemid 5\n", f"servers of Barman: main; .* {SYSTEM}"),
            # It is not reached: nobody knows whether it is ours.
            ("server main\npostgres_systemid None\nstreaming_systemid None\n", "none of them has"),
            # Its rows come from one server and its log from another.
            (f"server main\npostgres_systemid {SYSTEM}\nstreaming_systemid 5\n", "none of them has"),
            (f"server $(reboot)\npostgres_systemid {SYSTEM}\n", "none of them has"),
            (f"postgres_systemid {SYSTEM}\nserver main\n", "none of them has"),
        ],
    )
    def test_where_there_is_none_those_are_named_that_are_there(self, text: str, says: str) -> None:
        with pytest.raises(ValueError, match=says):
            server_of(text, SYSTEM)


class TestBackup:
    @pytest.mark.parametrize("status", ["DONE", "WAITING_FOR_WALS"])
    def test_what_it_needs_is_read(self, status: str) -> None:
        found = backup_of(printed(status=status), BARMAN, MAIN)

        assert (found.label, found.ended_s, found.folder) == ("20261130T053108", 1796016669, "/srv/my data")
        assert (found.start, found.stop) == ("000000010000000000000003", "000000010000000000000004")
        assert found.name == "Barman backup 20261130T053108 of server main"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "cannot be read"),
            ("[]", "cannot be read"),
            (printed(name="other"), "cannot be read"),
            (printed(base_backup_information={"begin_wal": "x"}), "cannot be read"),
            (printed(status="SYNCING"), "with status SYNCING"),
            (printed(status="FAILED", base_backup_information=None), "with status FAILED"),
            (printed(backup_id="x; reboot"), "with the id 'x; reboot'"),
        ],
    )
    def test_what_does_not_cover_is_named(self, text: str, says: str) -> None:
        with pytest.raises(ValueError, match=says):
            backup_of(text, BARMAN, MAIN)

    def test_the_command_names_backup_timeline_and_folder(self) -> None:
        far = BarmanServer("main", "ssh postgres@db")
        near = BarmanBackup(BARMAN, MAIN, "20261130T053108", 0, "0000000A0000000000000002", "", "/srv/pg")

        assert near.recover(name="", lsn="0/1") == (
            "barman recover --target-lsn 0/1 --target-tli 10 --target-action promote main 20261130T053108 /srv/pg"
        )
        assert backup_of(printed(), BARMAN, far).recover(name="pgmigrate_x", lsn="0/1") == (
            "barman recover --target-name pgmigrate_x --target-tli 1 --target-action promote "
            "--remote-ssh-command 'ssh postgres@db' main 20261130T053108 '/srv/my data'"
        )

    @pytest.mark.parametrize("what", Action)
    def test_commands_by_hand_are_called_as_barman_is(self, what: Action) -> None:
        found = backup_of(printed(), Barman("ssh barman@backup barman"), MAIN)

        assert found.by_hand(what).startswith("ssh barman@backup barman ")
        assert " main" in found.by_hand(what)


# A Barman that prints a file, with a status; called as a word of its own, as ``ssh HOST barman`` is.
PROGRAM = """#!/bin/sh
echo "$@" >>{folder}/called
cat "{folder}/printed"
exit {status}
"""


@pytest.mark.parametrize("status", [0, 4])
class TestCommands:
    def run(self, folder: Path, command: tuple[str, ...], text: str, status: int) -> subprocess.CompletedProcess[str]:
        (folder / "printed").write_text(text)
        program = folder / "barman"
        program.write_text(PROGRAM.format(folder=folder, status=status))
        program.chmod(0o755)
        return subprocess.run(
            ["sh", "-c", *command], capture_output=True, text=True, check=False,
            env={"PATH": f"{folder}:/usr/bin:/bin"},
        )  # fmt: skip

    def test_of_the_settings_of_a_server_none_with_a_password_comes(self, tmp_path: Path, status: int) -> None:
        text = "main\n\tconninfo: host=db password=s3cret\n\tpostgres_systemid: 5\n\tssh_command: ssh postgres@db\n"

        ended = self.run(tmp_path, BARMAN.servers, text, status)

        if status:
            assert ended.returncode == 4
        else:
            # What lists the servers prints the same here.
            assert "server main\npostgres_systemid 5\nssh_command ssh postgres@db\n" in ended.stdout
            assert (tmp_path / "called").read_text().startswith("list-servers --minimal\nshow-server main\n")
            lines = ended.stdout.splitlines()
            assert not [line for line in lines if "s3cret" in line and not line.startswith("server ")]

    def test_segments_are_the_names_of_files(self, tmp_path: Path, status: int) -> None:
        name = "000000010000000000000003"
        text = f"/var/lib/barman/main/wals/0000000100000000/{name}\n" if not status else "ERROR: Unknown backup\n"

        ended = self.run(tmp_path, BARMAN.segments("main", "20261130T053108"), text, status)

        assert (ended.returncode, ended.stdout) == (status, f"{name}\n" if not status else text)
        assert (tmp_path / "called").read_text() == "list-files --target wal main 20261130T053108\n"

    def test_of_a_check_what_failed_is_printed(self, tmp_path: Path, status: int) -> None:
        text = "Server main:\n\tPostgreSQL: OK\n\treplication slot: FAILED (not active)\n"

        ended = self.run(tmp_path, BARMAN.check("main"), text, status)

        failed = "\treplication slot: FAILED (not active)\n"
        assert (ended.returncode, ended.stdout) == (status, failed if status else "")
