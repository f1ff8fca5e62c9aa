"""What pgBackRest says, as version 2.55 prints it, and what it must have for a restore point."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.physical.cover import Action
from pyinfra_pgmigrate.physical.pgbackrest import Repository, repositories

SYSTEM = "7713574931579165788"


def backup(label: str = "20261129-193737F", **changes: Any) -> dict[str, Any]:
    return {
        "archive": {"start": "000000010000000000000002", "stop": "000000010000000000000003"},
        "backrest": {"format": 5, "version": "2.55.1"},
        "database": {"id": 1, "repo-key": 1},
        "error": False,
        "label": label,
        "lsn": {"start": "0/2000028", "stop": "0/3000050"},
        "prior": None,
        "reference": None,
        "timestamp": {"start": 1795981057, "stop": 1795981059},
        "type": "full",
        **changes,
    }


def info(*backups: dict[str, Any], **changes: Any) -> str:
    stanza = {
        "archive": [
            {
                "database": {"id": 1, "repo-key": 1},
                "id": "17-1",
                "max": "000000010000000000000003",
                "min": "000000010000000000000001",
            }
        ],
        "backup": list(backups),
        "cipher": "none",
        "db": [{"id": 1, "repo-key": 1, "system-id": int(SYSTEM), "version": "17"}],
        "name": "main",
        "repo": [{"cipher": "none", "key": 1, "status": {"code": 0, "message": "ok"}}],
        "status": {"code": 0, "lock": {"backup": {"held": False}}, "message": "ok"},
        **changes,
    }
    return json.dumps([stanza])


class TestRepositories:
    def test_the_newest_backup_counts(self) -> None:
        later = backup(
            "20261129-193737F_20261130-010000I", type="incr", reference=["20261129-193737F"],
            timestamp={"start": 1796000000, "stop": 1796000009},
        )  # fmt: skip

        (found,) = repositories(info(later, backup()), SYSTEM)

        assert (found.label, found.kind, found.ended_s) == ("20261129-193737F_20261130-010000I", "incr", 1796000009)
        assert (found.stanza, found.key, found.archive) == ("main", 1, "17-1")

    def test_of_several_repositories_the_one_with_the_newest_comes_first(self) -> None:
        second = backup(database={"id": 1, "repo-key": 2}, timestamp={"start": 1, "stop": 1795981060})
        text = info(
            backup(),
            second,
            db=[{"id": 1, "repo-key": key, "system-id": int(SYSTEM)} for key in (1, 2)],
            repo=[{"key": key, "status": {"code": 0, "message": "ok"}} for key in (1, 2)],
            archive=[{"database": {"id": 1, "repo-key": key}, "id": "17-1"} for key in (1, 2)],
        )

        assert [one.key for one in repositories(text, SYSTEM)] == [2, 1]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (info(backup(error=True)), "stanza main: ok"),
            (info(backup(reference=["x"]), backup("x", error=True)), "stanza main: ok"),
            (info(), "stanza main: ok"),
            (info(backup(), db=[{"id": 1, "repo-key": 1, "system-id": 5}]), f"system identifier {SYSTEM}"),
            (
                info(
                    backup(),
                    repo=[{"key": 1, "status": {"code": 99, "message": "other"}}],
                    status={"code": 99, "message": "other"},
                ),
                "stanza main: other",
            ),
            # A database of an earlier version of the server has the same number.
            (info(backup(database={"id": 2, "repo-key": 1})), "no backup of the server"),
            ("[]", "no stanza"),
            ("", "cannot be read"),
            ("{}", "no stanza"),
            ('[{"name": 1}]', "cannot be read"),
            ("[1]", "cannot be read"),
        ],
    )
    def test_what_does_not_cover_is_named(self, text: str, says: str) -> None:
        with pytest.raises(ValueError, match=says):
            repositories(text, SYSTEM)

    def test_the_command_names_backup_and_timeline(self) -> None:
        found = Repository("main", 2, "17-1", "20261129-193737F", "full", 0, "0000000A0000000000000002", "")

        assert found.recover(name="pgmigrate_x", lsn="0/1") == (
            "pgbackrest --stanza=main --repo=2 --set=20261129-193737F --type=name --target=pgmigrate_x "
            "--target-timeline=10 --target-action=promote --delta restore"
        )
        assert "--type=lsn --target=0/1 " in found.recover(name="", lsn="0/1")


OURS = Repository("main", 1, "17-1", "20261129-193737F", "full", 0, "000000010000000000000001", "")


@pytest.mark.parametrize("what", Action)
def test_commands_by_hand_name_the_stanza(what: Action) -> None:
    assert OURS.by_hand(what).startswith("pgbackrest --stanza=main ")


# Printed by pgBackRest 2.55.1, 2026-11-29, but for the last line: of a segment that a promotion left unfinished.
LISTED = """17-1
17-1/0000000100000000
17-1/0000000100000000/000000010000000000000001-3464f1e6f0f2d8a1db1413818077511744b33f63.gz
17-1/0000000100000000/000000010000000000000002-19dac3db9e371ee2fd0036483f678561f56db970.gz
17-1/0000000100000000/000000010000000000000002.00000028.backup
archive.info
archive.info.copy
17-1/0000000100000000/000000010000000000000003.partial-827595a1fd905619186b0c186797ca15681f8483.gz
"""


@pytest.mark.parametrize("status", [0, 55])
def test_segments_are_read_from_a_listing(tmp_path: Path, status: int) -> None:
    (tmp_path / "listed").write_text(LISTED if not status else "ERROR: [055]: no such file\n")
    program = tmp_path / "pgbackrest"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\ncat {tmp_path}/listed\nexit {status}\n')
    program.chmod(0o755)

    ended = subprocess.run(
        ["sh", "-c", *OURS.lists], capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip

    assert ended.returncode == status
    assert (tmp_path / "called").read_text() == "--stanza=main --repo=1 repo-ls archive/main/17-1 --recurse\n"
    if status:
        assert ended.stdout == "ERROR: [055]: no such file\n"
    else:
        assert ended.stdout.split() == ["000000010000000000000001", "000000010000000000000002"]
