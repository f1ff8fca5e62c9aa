"""The command that runs psql, with programs in place of psql that behave as it may."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from pyinfra_pgmigrate.psql import command
from pyinfra_pgmigrate.psql.answer import EXIT_DAMAGED, EXIT_FULL, EXIT_NO_PSQL, MARK, Answer, read_answer
from pyinfra_pgmigrate.psql.command import Command, psql_command
from pyinfra_pgmigrate.psql.script import setting
from pyinfra_pgmigrate.settings import Connection, Secret


def stub(tmp_path: Path, body: str) -> Connection:
    """Returns a connection whose psql is a shell script."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program = bin_dir / "psql"
    program.write_text(f"#!/bin/sh\nfor a; do case $a in --file=*) file=${{a#--file=}};; esac; done\n{body}\n")
    program.chmod(0o755)
    return Connection("shop", bin_dir=str(bin_dir), password=Secret("hu'sh \\ \"x"))


def run(connection: Connection, tmp_path: Path, script: str = "SELECT 1;", cut: int | None = None) -> Answer:
    command = psql_command(script, connection)
    given = "".join(part if part.endswith("\n") else f"{part}\n" for part in command.stdin)[:cut]
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    ended = subprocess.run(
        command.line, shell=True, input=given.encode(), capture_output=True, check=True,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary)},
    )  # fmt: skip
    assert list(temporary.iterdir()) == []
    return read_answer(ended.stdout.decode().splitlines())


def test_the_script_and_the_password_arrive_whole(tmp_path: Path) -> None:
    connection = stub(
        tmp_path,
        f'cat "$file" >{tmp_path}/seen; printf %s "$PGPASSWORD" >{tmp_path}/password; ls -ld "$(dirname "$file")" "$file" >{tmp_path}/modes',
    )
    script = "SELECT 'ä \\ '' $x `y`';\n" * 20000

    assert run(connection, tmp_path, script).status == 0

    assert (tmp_path / "seen").read_text() == script
    assert (tmp_path / "password").read_text() == "hu'sh \\ \"x"
    assert [line[:10] for line in (tmp_path / "modes").read_text().splitlines()] == [
        "drwx------",
        "-rw-------",
    ]


def test_a_script_cut_on_its_way_is_not_run(tmp_path: Path) -> None:
    connection = stub(tmp_path, f"touch {tmp_path}/ran")

    assert run(connection, tmp_path, "DELETE FROM t WHERE id = 1;", cut=30).status == EXIT_DAMAGED
    assert not (tmp_path / "ran").exists()


def test_a_missing_psql_is_told(tmp_path: Path) -> None:
    assert run(Connection("shop", bin_dir=str(tmp_path)), tmp_path).status == EXIT_NO_PSQL


@pytest.mark.parametrize("status", [1, 2, 3])
def test_the_exit_status_of_psql_comes_back(tmp_path: Path, status: int) -> None:
    assert run(stub(tmp_path, f"echo 'psql: error: no' >&2; exit {status}"), tmp_path).status == status


def test_a_killed_psql_is_told(tmp_path: Path) -> None:
    assert run(stub(tmp_path, "kill -9 $$"), tmp_path).status == 137


def test_much_output_and_odd_bytes_do_no_harm(tmp_path: Path) -> None:
    value = base64.b64encode(json.dumps({"a": "ä" * 300000}).encode()).decode()
    connection = stub(
        tmp_path,
        f"echo '{MARK} word '$(cat {tmp_path}/value); i=0; while [ $i -lt 2000 ]; do printf 'line \\377\\376 of error output\\n' >&2; i=$((i+1)); done; exit 3",
    )
    (tmp_path / "value").write_text(value)

    answer = run(connection, tmp_path)

    assert answer.value("word") == {"a": "ä" * 300000}
    assert answer.status == 3
    assert len(answer.errors) < 20000


def unread(command: Command, folder: Path, limits: str = "") -> Answer:
    """Returns the answer of a host without room, to a script that no pipe holds; fails where the host closes the pipe.

    + folder: for temporary files; limits: shell commands that come first
    """
    with subprocess.Popen(
        f"{limits}{command.line}", shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for part in command.stdin:
            process.stdin.write((part if part.endswith("\n") else f"{part}\n").encode())
        process.stdin.close()
        return read_answer(process.stdout.read().decode().splitlines())


_LONG = "SELECT 'a line of a script that is longer than a pipe';\n" * 20000


def test_a_host_without_room_is_told(tmp_path: Path) -> None:
    connection = stub(tmp_path, f"touch {tmp_path}/ran")
    folder = tmp_path / "none"

    answer = unread(psql_command(_LONG, connection), folder)

    assert answer.status == EXIT_FULL
    assert answer.message.startswith(f"cannot make a folder in {folder}: df: ")


def test_a_script_that_cannot_be_written_whole_is_not_run(tmp_path: Path) -> None:
    connection = stub(tmp_path, f"touch {tmp_path}/ran")
    folder = tmp_path / "tmp"
    folder.mkdir()

    # Files of at most 100 blocks; to write more is an error and not the end of the process.
    answer = unread(psql_command(_LONG, connection), folder, "trap '' XFSZ; ulimit -f 100; ")

    assert answer.status == EXIT_FULL
    assert "File too large" in answer.message
    assert not (tmp_path / "ran").exists()
    assert list(folder.iterdir()) == []


def test_what_psql_prints_needs_no_room_on_the_host(tmp_path: Path) -> None:
    value = base64.b64encode(json.dumps("x" * 300000).encode()).decode()
    (tmp_path / "value").write_text(value)
    connection = stub(tmp_path, f"echo '{MARK} word '$(cat {tmp_path}/value)")
    folder = tmp_path / "tmp"
    folder.mkdir()

    answer = unread(psql_command("SELECT 1;", connection), folder, "trap '' XFSZ; ulimit -f 10; ")

    assert answer.status == 0
    assert answer.value("word") == "x" * 300000


def test_no_end_means_that_nothing_is_known() -> None:
    assert read_answer(["something else"]).status is None


# Printed by psql 15.18 and 18.4, 2026-11-22, for the statement that the text names.
VERBOSE = """psql:/tmp/pgmigrate.x/script.sql:7: ERROR:  23505: could not create unique index "i"
DETAIL:  Key (project_id, name)=(1, Backline) is duplicated.
CONTEXT:  parallel worker
LOCATION:  comparetup_index_btree_tiebreak, tuplesortvariants.c:1550
"""
LOCALIZED = (
    "psql:/tmp/x/script.sql:7: FEHLER:  55P03: storniere Anfrage wegen Zeitüberschreitung\nLOCATION:  x, y.c:1\n"
)


def test_sqlstate_and_message_are_read_in_any_language() -> None:
    assert Answer(3, errors=VERBOSE).sqlstate == "23505"
    assert Answer(3, errors=VERBOSE).message == (
        'could not create unique index "i" DETAIL:  Key (project_id, name)=(1, Backline) is duplicated.'
    )
    assert Answer(3, errors=LOCALIZED).sqlstate == "55P03"
    assert Answer(2, errors="psql: error: connection to server failed").message == "connection to server failed"


def test_the_connection_string_holds_any_name_and_no_password() -> None:
    connection = Connection("a b='c'\\", host="/run/pg", port=1, user="it's", password=Secret("hush"))

    assert command.conninfo(connection) == "host='/run/pg' port='1' user='it\\'s' dbname='a b=\\'c\\'\\\\'"
    assert "hush" not in psql_command("SELECT 1", connection).line


def test_a_setting_is_one_line_of_psql() -> None:
    assert setting("a", "it's\n\\x") == "\\set a 'it''s\\n\\\\x'"
