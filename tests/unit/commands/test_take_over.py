"""``pgmigrate import``: files of this tool that say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main
from pyinfra_pgmigrate.commands.take_over import converted, import_folder
from pyinfra_pgmigrate.importing.history import Entry, ForeignHistory
from pyinfra_pgmigrate.migrations.files import read_folder
from pyinfra_pgmigrate.rollback.scripts import load_rollbacks


def one(up: str, down: str = "", name: str = "add it") -> ForeignHistory:
    return ForeignHistory("dbmate", (Entry("7", 7, name, up, down, "7_add_it.sql"),))


def test_files_are_migrations_and_rollback_scripts_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "theirs"
    source.mkdir()
    (source / "20240101_make.sql").write_text(
        "-- migrate:up\nCREATE TABLE a (b int);\n-- migrate:down\nDROP TABLE a;\n"
    )
    (source / "20240102_fill.sql").write_text("-- migrate:up\nINSERT INTO a VALUES (1);\n-- migrate:down\n")
    assert import_folder(source, tmp_path / "ours") == 0

    first, second = read_folder(tmp_path / "ours")
    assert (first.name, first.header.purpose, first.header.phase) == ("20240101_make", "make", "schema")
    assert first.header.origin == ("dbmate", "20240101")
    assert (second.header.phase, [one.text for one in second.statements]) == ("data", ["INSERT INTO a VALUES (1)"])
    (back,) = load_rollbacks(tmp_path / "ours")
    assert (back.first, back.last, [one.text for one in back.statements]) == (20240101, 20240101, ["DROP TABLE a"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"dbmate: wrote 2 migrations and 1 rollback scripts into {tmp_path}/ours\n")
    assert sorted(path.name for path in source.iterdir()) == ["20240101_make.sql", "20240102_fill.sql"]


def test_settings_of_the_session_become_those_of_the_transaction() -> None:
    found = converted(one("SET timezone = 'UTC';\nSELECT 'SET timezone = ''UTC'';';\nset session work_mem to '1MB';"))

    assert found.texts["007_add_it.sql"].endswith(
        "\n\nSET LOCAL timezone = 'UTC';\nSELECT 'SET timezone = ''UTC'';';\nSET LOCAL work_mem to '1MB';\n"
    )
    assert [reason for _, reason in found.left_out] == [
        "\"SET timezone = 'UTC'\" is SET LOCAL",
        "\"set session work_mem to '1MB'\" is SET LOCAL",
    ]
    assert found.refused == ()


@pytest.mark.parametrize(
    ("up", "text", "pairs"),
    [
        # Prisma writes so around what it does to an enum.
        (
            "CREATE TABLE a ();\nBEGIN;\nCREATE TYPE e AS ENUM ('begin;');\nCOMMIT;\nSELECT 'BEGIN;';",
            "CREATE TABLE a ();\n\nCREATE TYPE e AS ENUM ('begin;');\n\nSELECT 'BEGIN;';",
            1,
        ),
        (
            "begin ;\nSELECT 1;\nend;\n-- \x0c \u2028\nSTART TRANSACTION\n;SELECT 2;COMMIT WORK;",
            "SELECT 1;\n\n-- \x0c \u2028\nSELECT 2;",
            2,
        ),
        ("BEGIN;\nSELECT 1;\nCOMMIT;", "BEGIN;\nSELECT 1;\nCOMMIT;", 0),
    ],
)
def test_transactions_within_a_file_are_left_out(up: str, text: str, pairs: int) -> None:
    found = converted(one(up))

    assert found.texts["007_add_it.sql"].split("\n\n", 1)[1].strip() == text
    told = ["BEGIN and COMMIT within it are left out: all of it is one transaction"] if pairs else []
    assert [reason for _, reason in found.left_out] == told
    assert found.refused == ()


@pytest.mark.parametrize(
    "up", ["SELECT 1;\nCOMMIT;", "SELECT 1; BEGIN; SELECT 2; ROLLBACK;", "SELECT 1; BEGIN READ ONLY; COMMIT;"]
)
def test_any_other_use_of_transactions_needs_a_hand(up: str) -> None:
    assert converted(one(up)).refused


def test_what_must_not_be_changed_is_told_and_written_as_it_is() -> None:
    found = converted(one("SET work_mem = '1MB';\nCREATE INDEX CONCURRENTLY i ON t (a);"))

    assert found.texts["007_add_it.sql"].endswith("SET work_mem = '1MB';\nCREATE INDEX CONCURRENTLY i ON t (a);\n")
    (refusal,) = found.refused
    assert "settings of the whole session are the runner's" in refusal.message


@pytest.mark.parametrize(
    ("down", "text", "told"),
    [
        ("BEGIN;\nDROP TABLE a; -- gone\nCOMMIT;", "DROP TABLE a;", []),
        ("-- nothing", None, []),
        ("DROP INDEX CONCURRENTLY i;", "DROP INDEX i;", ['"DROP INDEX CONCURRENTLY i" is without CONCURRENTLY']),
        (
            "-- a\ncreate unique index concurrently if not exists i on t (a);\ndrop index\n  concurrently j, k;",
            "-- a\ncreate unique index if not exists i on t (a);\ndrop index j, k;",
            [
                '"create unique index concurrently if not exists i on t (a)" is without CONCURRENTLY',
                '"drop index concurrently j, k" is without CONCURRENTLY',
            ],
        ),
        ("VACUUM a;", None, ['"VACUUM a" cannot run in the transaction of a rollback']),
        ("no SQL", None, ['cannot use 007_add_it.sql, line 1: syntax error at or near "no"']),
    ],
)
def test_a_way_back_is_one_transaction_or_none(down: str, text: str | None, told: list[str]) -> None:
    found = converted(one("SELECT 1;", down))

    backs = [body.split("\n\n", 1)[1].strip() for name, body in found.texts.items() if name.startswith("rollback_")]
    assert backs == ([] if text is None else [text])
    assert [reason for _, reason in found.left_out] == told


def test_a_migration_that_is_a_program_needs_a_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "1_a.sql").write_text("-- +goose Up\nSELECT 1;")
    (tmp_path / "2_b.go").write_text("package migrations")

    assert main(["import", str(tmp_path), "--dir", str(tmp_path / "ours")]) == 1

    printed = capsys.readouterr().out
    assert "not imported: 2_b.go: it is no SQL\n1 of them needs a hand" in printed


def test_a_name_is_made_fit_for_a_file() -> None:
    assert list(converted(one("SELECT 1;", name="naïve/../x y")).texts) == ["007_na_ve_x_y.sql"]


def test_a_folder_with_migrations_and_a_file_of_that_name_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "V1__a.sql").write_text("SELECT 1;")
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "001_b.sql").write_text("SELECT 2;")

    assert main(["import", str(tmp_path), "--dir", str(ours)]) == 1

    assert capsys.readouterr().err.startswith(f'could not import into "{ours}": there are migrations in it\n')
    assert [path.name for path in ours.iterdir()] == ["001_b.sql"]
