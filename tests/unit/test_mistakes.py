"""Mistakes that are made with the command: each ends with three lines and an exit status, never with a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main

GOOD = "-- purpose: a\n-- phase: schema\n\nCREATE TABLE t (id int);\n"
BACK = "-- purpose: a\n-- reverts: 001-001\n\nDROP TABLE t;\n"


def file(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Returns what writes a file of the SQL folder."""

    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def folder_named(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).mkdir()


def fifo(name: str) -> Callable[[Path], None]:
    return lambda folder: os.mkfifo(folder / name)


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


# What is in the folder beside a good migration, and how the refusal begins.
IN_FOLDER: list[tuple[Callable[[Path], None], str]] = [
    (file("002_b.sql", b"\xff\xfe"), "could not read 002_b.sql, line 1: it is no UTF-8 text"),
    (file("002_b.sql", "SELECT 1;\0"), "could not read 002_b.sql, line 1: it is no UTF-8 text"),
    (file("002_b.sql", "-- ä\nSELECT 'ä';".encode("latin-1")), "could not read 002_b.sql, line 1: it is no UTF-8 text"),
    (folder_named("002_b.sql"), 'could not read "{folder}/002_b.sql": it is no file'),
    (folder_named("001_a.effect"), 'could not read "{folder}/001_a.effect": it is no file'),
    (folder_named("001_a.verify.sql"), 'could not read "{folder}/001_a.verify.sql": it is no file'),
    (fifo("002_b.sql"), 'could not read "{folder}/002_b.sql": it is no file'),
    (link("002_b.sql", "nowhere"), 'could not read "{folder}/002_b.sql": No such file or directory'),
    (link("002_b.sql", "002_b.sql"), 'could not read "{folder}/002_b.sql": '),
    (file("002_b.sql", "CREATE TABL t;"), 'cannot use 002_b.sql, line 1: syntax error at or near "TABL"'),
    (file("002_b.sql", "SELECT ((("), "cannot use 002_b.sql, line 1: syntax error at end of input"),
    (file("002_b.sql", "SELECT 'a"), "cannot use 002_b.sql, line 1: unterminated quoted string"),
    (file("002_b.sql", "SELECT $$a"), "cannot use 002_b.sql, line 1: unterminated dollar-quoted string"),
    (file("002_b.sql", "/* a"), "cannot use 002_b.sql, line 1: unterminated /* comment"),
    (file("002_b.sql", f"SELECT {'(' * 20000}1{')' * 20000};"), "cannot use 002_b.sql, line 1: memory exhausted"),
    (file("002_b.sql", "\\copy t from x\n"), "cannot use 002_b.sql, line 1: backslash commands of psql"),
    (file("002_b.sql", "BEGIN; SELECT 1;"), "cannot use 002_b.sql, line 1: BEGIN is not allowed here"),
    (file("002_b.sql", "SELECT 1; COMMIT;"), "cannot use 002_b.sql, line 1: COMMIT is not allowed here"),
    (file("002_b.sql", "ROLLBACK;"), "cannot use 002_b.sql, line 1: ROLLBACK is not allowed here"),
    (file("002_b.sql", "SAVEPOINT a;"), "cannot use 002_b.sql, line 1: SAVEPOINT is not allowed here"),
    (file("002_b.sql", "CREATE DATABASE x;"), "cannot use 002_b.sql, line 1: what belongs to the whole server"),
    (file("002_b.sql", "CREATE ROLE x;"), "cannot use 002_b.sql, line 1: what belongs to the whole server"),
    (file("002_b.sql", "ALTER SYSTEM SET work_mem = 1;"), "cannot use 002_b.sql, line 1: what belongs to the whole"),
    (file("002_b.sql", "COPY t FROM stdin;\n1\n\\.\n"), "cannot use 002_b.sql, line "),
    (file("001_b.sql", GOOD), "cannot use two migrations of version 1"),
    (file("1_b.sql", GOOD), "cannot use two migrations of version 1"),
    (file("002-b.sql", GOOD), 'cannot use file "002-b.sql" as a migration'),
    (file("002_.sql", GOOD), 'cannot use file "002_.sql" as a migration'),
    (file("002_ä.sql", GOOD), 'cannot use file "002_ä.sql" as a migration'),
    (file("002_b.SQL", GOOD), 'cannot use file "002_b.SQL" as a migration'),
    (file("002_b.sql.orig", GOOD), 'cannot use file "002_b.sql.orig" as a migration'),
    (file("002_b.sql~", GOOD), 'cannot use file "002_b.sql~" as a migration'),
    (file("1234567890123456789_b.sql", GOOD), 'cannot use file "1234567890123456789_b.sql" as a migration'),
    (file("002_b.verify.sql", "SELECT 1;"), 'cannot use file "002_b.verify.sql" as a migration'),
    (file("002_b.effect", ""), 'cannot use file "002_b.effect" as a migration'),
    (file("V2__b.sql", GOOD), 'cannot use "V2__b.sql": it is a migration of Flyway'),
    (file("002_b.up.sql", GOOD), 'cannot use "002_b.up.sql": it is a migration of '),
    (file("002_b.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"), 'cannot use "002_b.sql": it is a migration of dbmate'),
    (file("002_b.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\n"), 'cannot use "002_b.sql": it is a migration of goose'),
    (file("002_b.sql", "-- purpose: a\n-- phase: never\nSELECT 1;"), "could not read header of 002_b.sql"),
    (file("002_b.sql", "-- purpose: a\n-- phas: schema\nSELECT 1;"), "could not read header of 002_b.sql"),
    (file("002_b.sql", "-- purpose: a\n-- purpose: b\n-- phase: schema\nSELECT 1;"), "could not read header of 002_b.sql"),
    (file("002_b.sql", "-- purpose: a\n-- phase: data\n-- batch: some\nSELECT 1;"), "could not read header of 002_b.sql"),
    (file("002_b.sql", "-- purpose: a\n-- phase: data\n-- data: converge\nSELECT 1;"), "could not read header of 002_b.sql"),
    (file("001_a.verify.sql", "DELETE FROM t"), "cannot use 001_a.verify.sql, line 1: a verify file is one SELECT"),
    (file("001_a.verify.sql", ""), "cannot use 001_a.verify.sql, line 1: a verify file is one SELECT"),
    (file("001_a.verify.sql", "SELECT 1; SELECT 2"), "cannot use 001_a.verify.sql, line 1: a verify file is one SELECT"),
    (file("001_a.verify.sql", "SELEC 1"), "cannot use 001_a.verify.sql, line 1: syntax error"),
    (file("001_a.effect", "junk"), 'could not read effect "001_a.effect": line 1 does not belong there'),
    (file("001_a.effect", b"\xff"), "could not read 001_a.effect, line 1: it is no UTF-8 text"),
    (file("001_a.effect", "format 1\n"), 'cannot use effect "001_a.effect": it was recorded by an older version'),
    (file("001_a.effect", "format x\n"), 'could not read effect "001_a.effect": line 1'),
    (file("001_a.effect", "format 2\nbase a\nstatement x: y\n"), 'could not read effect "001_a.effect": line 3'),
    (file("001_a.effect", "format 2\nbase a\nhash a\n"), 'could not read effect "001_a.effect": line 3'),
    (file("001_a.effect", ""), 'could not read effect "001_a.effect": line '),
    (file("001_a.effect", "<<<<<<< HEAD\n"), 'could not read effect "001_a.effect": line 1'),
    (file("rollback_x.sql", "-- purpose: a\nSELECT 1;"), "could not read header of rollback_x.sql"),
    (file("rollback_x.sql", "-- reverts: 001-001\nSELECT 1;"), "could not read header of rollback_x.sql"),
    (file("rollback_x.sql", "-- purpose: a\n-- reverts: 6-1\nSELECT 1;"), "could not read header of rollback_x.sql"),
    (file("rollback_x.sql", "-- purpose: a\n-- reverts: one-two\nSELECT 1;"), "could not read header of rollback_x.sql"),
    (file("rollback_x.sql", "-- purpose: a\n-- reverts: 001-001\n"), "cannot use rollback_x.sql: a rollback runs in one transaction"),
    (file("rollback_x.sql", BACK.replace("TABLE t", "INDEX CONCURRENTLY t")), "cannot use rollback_x.sql: a rollback runs in"),
    (file("rollback_x.sql", BACK.replace("DROP", "DRO")), "cannot use rollback_x.sql, line 4: syntax error"),
    (folder_named("rollback_x.sql"), 'could not read "{folder}/rollback_x.sql": it is no file'),
    (file("queries/a.sql", "SELECT 1"), "could not read header of a.sql"),
    (file("totals/a.sql", "SELECT 1"), "could not read header of a.sql"),
    (file("compatibility/a.sql", "SELECT 1"), "could not read header of a.sql"),
    (file("queries/a.sql", b"\xff"), "could not read a.sql, line 1: it is no UTF-8 text"),
    (file("totals/a.sql", "-- purpose: a\nSELEC 1"), "cannot use a.sql, line "),
    (file("compatibility/a.sql", "-- purpose: a\nSELEC 1"), "cannot use a.sql, line "),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "told"), IN_FOLDER, ids=[f"{place}" for place in range(len(IN_FOLDER))])
def test_in_the_sql_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: Callable[[Path], None], told: str
) -> None:
    file("001_a.sql", GOOD)(tmp_path)
    mistake(tmp_path)

    status = main(["check", "--dir", str(tmp_path)])

    printed = capsys.readouterr().err.splitlines()
    assert status == 1
    assert printed[0].startswith(told.format(folder=tmp_path)), printed
    assert [line.split(" ")[0] for line in printed[1:]] == ["DETAIL:", "HINT:"]
    assert "Found " in printed[1]
    assert "xpected " in printed[1]


# Arguments, and how what is printed begins.
ARGUMENTS: list[tuple[list[str], str]] = [
    (["check", "--dir", "nowhere"], 'could not open SQL folder "nowhere": it is not there'),
    (["check", "--dir", "a_file"], 'could not open SQL folder "a_file": it is no folder'),
    (["check", "--dir", "empty"], 'could not find a migration in SQL folder "empty"'),
    (["check", "--dir", "a\nb"], 'could not open SQL folder "a'),
    (["record", "--dir", "nowhere"], 'could not open SQL folder "nowhere": it is not there'),
    (["record", "--dir", "good", "--server", "nonsense"], "could not connect to the scratch server"),
    (["record", "--dir", "good", "--server", "port=abc"], "could not connect to the scratch server"),
    (["record", "--dir", "good", "--server", "postgresql://[::1"], "could not connect to the scratch server"),
    (["record", "--dir", "good", "--server", "host=/nowhere"], "could not connect to the scratch server"),
    (["record", "--dir", "good", "--server", "host=127.0.0.1 port=1"], "could not connect to the scratch server"),
    (["draft-rollback", "1", "--dir", "good"], 'cannot draft the way back of "1"'),
    (["draft-rollback", "a-b", "--dir", "good"], 'cannot draft the way back of "a-b"'),
    (["draft-rollback", "", "--dir", "good"], 'cannot draft the way back of ""'),
    (["draft-rollback", "001-001", "--dir", "nowhere"], 'could not open SQL folder "nowhere": it is not there'),
    (["new", ""], 'cannot name a migration ""'),
    (["new", "a/b"], 'cannot name a migration "a/b"'),
    (["new", "../x"], 'cannot name a migration "../x"'),
    (["new", "ä ö"], 'cannot name a migration "ä ö"'),
    (["new", "x" * 300], "c"),
    (["new", "x", "--dir", "a_file"], "could not "),
    (["init", "a_file"], 'could not write "a_file/'),
    (["import", "nowhere"], "could not "),
    (["import", "empty"], 'could not find migrations of another tool in "empty"'),
    (["import", "good", "--dir", "good"], 'could not import into "good": there are migrations in it'),
    (["import", "good", "--dir", "a_file"], "could not "),
    (["baseline", "--from", "nonsense"], "could not read the database for a baseline"),
    (["baseline", "--from", "host=/nowhere dbname=x"], "could not read the database for a baseline"),
]


@pytest.mark.parametrize(("arguments", "told"), ARGUMENTS, ids=[" ".join(one)[:60] for one, _ in ARGUMENTS])
def test_in_the_arguments(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file("good/001_a.sql", GOOD)(tmp_path)
    file("a_file", "")(tmp_path)
    (tmp_path / "empty").mkdir()

    status = main(arguments)

    printed = capsys.readouterr().err
    assert status == 1
    assert printed.startswith(told)
    assert "\nDETAIL: " in printed
    assert "\nHINT: " in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["--bogus"],
        ["check", "--format", "xml"],
        ["check", "one", "two"],
        ["new"],
        ["draft-rollback"],
        ["baseline"],
        ["import"],
        ["record", "--server"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: pgmigrate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("check --dir good 2>&1 >/dev/full", 1, "could not write to standard output: No space left on device\nDETAIL:"),
        ("check --dir good --format json 2>&1 >/dev/full", 1, "could not write to standard output: "),
        ("check --dir good 2>errors | true; cat errors", 0, ""),
    ],
)
def test_nobody_takes_what_it_prints(tmp_path: Path, command: str, status: int, told: str) -> None:
    file("good/001_a.sql", GOOD)(tmp_path)
    run = f"sleep 0.1; {sys.executable} -m pyinfra_pgmigrate {command}"

    ended = subprocess.run(["sh", "-c", run], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.stdout.startswith(told)
    assert ended.returncode == status
