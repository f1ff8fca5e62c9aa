"""Folders as other tools leave them, read as one history."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.importing.history import ForeignHistory, read_foreign


def history(folder: Path, **files: str) -> ForeignHistory:
    """Writes files by their names and reads the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_foreign(folder)


def told(found: ForeignHistory) -> list[tuple[str, int, str, str, str]]:
    return [(one.key, one.version, one.name, one.up.strip(), one.down.strip()) for one in found.entries]


class TestFlyway:
    def test_versions_are_ordered_as_numbers_and_undo_is_the_way_back(self, tmp_path: Path) -> None:
        found = history(
            tmp_path,
            **{
                "V1.10__third.sql": "SELECT 3;",
                "V1_9__second.sql": "SELECT 2;",
                "V1__first.sql": "SELECT 1;",
                "U1.9__second.sql": "SELECT -2;",
                "R__views.sql": "SELECT 4;",
                "B2__base.sql": "SELECT 0;",
                "notes.sql": "",
            },
        )

        assert found.tool == "Flyway"
        assert told(found) == [
            ("1", 1, "first", "SELECT 1;", ""),
            ("1.9", 2, "second", "SELECT 2;", "SELECT -2;"),
            ("1.10", 3, "third", "SELECT 3;", ""),
            ("R__views.sql", 4, "views", "SELECT 4;", ""),
        ]
        assert [name for name, _ in found.left_out] == ["B2__base.sql", "R__views.sql", "notes.sql"]

    def test_numbers_that_can_be_kept_are_kept(self, tmp_path: Path) -> None:
        found = history(tmp_path, **{"V20240101120000__b.sql": "SELECT 2;", "V7.0__a.sql": "SELECT 1;"})

        assert [one.version for one in found.entries] == [7, 20240101120000]

    def test_what_runs_again_comes_after_the_last_number(self, tmp_path: Path) -> None:
        found = history(tmp_path, **{"V3__a.sql": "SELECT 1;", "R__b.sql": "SELECT 2;", "R__c.sql": "SELECT 3;"})

        assert [one.version for one in found.entries] == [3, 4, 5]

    def test_a_placeholder_is_refused_by_line(self, tmp_path: Path) -> None:
        with pytest.raises(PgMigrateError, match=r"cannot import V1__a\.sql, line 2: it holds a placeholder") as caught:
            history(tmp_path, **{"V1__a.sql": "SELECT 1;\nGRANT SELECT ON t TO ${app.role};"})

        assert caught.value.refusal.kind is Kind.FILE


def test_what_may_be_a_migration_and_is_not_read_is_named(tmp_path: Path) -> None:
    flyway = history(
        tmp_path / "flyway",
        **{"V1__a.sql": "SELECT 1;", "2024/V3__c.sql": "SELECT 3;", "V2__b.java": "class", "notes.py": ""},
    )
    goose = history(
        tmp_path / "goose",
        **{"1_a.sql": "-- +goose Up\nSELECT 1;", "2_b.go": "package x", "more/3_c.sql": "SELECT 3;", "main.go": ""},
    )

    assert [(one.version, one.name) for one in flyway.entries] == [(1, "a"), (3, "c")]
    assert (flyway.left_out, flyway.unread) == ((), (("V2__b.java", "it is no SQL"),))
    assert [one.name for one in goose.entries] == ["a"]
    assert goose.unread == (("2_b.go", "it is no SQL"), ("more/3_c.sql", "in a folder that is not read"))


@pytest.mark.parametrize(
    ("up", "down", "tool"),
    [
        ("-- migrate:up transaction:false", "-- migrate:down", "dbmate"),
        ("-- +goose Up", "-- +goose Down", "goose"),
        ("-- +migrate Up notransaction", "-- +migrate Down", "sql-migrate"),
        ("-- Up Migration", "-- Down Migration", "node-pg-migrate"),
    ],
)
def test_one_file_with_both_ways_is_parted(tmp_path: Path, up: str, down: str, tool: str) -> None:
    found = history(tmp_path, **{"20240101_a.sql": f"{up}\nSELECT 1;\n{down}\nSELECT 2;\n"})

    assert found.tool == tool
    (one,) = found.entries
    assert (one.version, one.name, one.up.strip(), one.down.strip()) == (20240101, "a", "SELECT 1;", "SELECT 2;")


def test_the_way_back_may_come_first_or_be_missing(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        **{
            "1_a.sql": "-- migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 1;\n",
            "2_b.sql": "-- migrate:up\nSELECT 3;\n",
        },
    )

    assert told(found) == [("1", 1, "a", "SELECT 1;", "SELECT 2;"), ("2", 2, "b", "SELECT 3;", "")]


def test_up_and_down_files_belong_together(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        **{
            "10_b.up.sql": "SELECT 3;",
            "9_a.up.sql": "SELECT 1;",
            "9_a.down.sql": "SELECT 2;",
            "11_lost.down.sql": "SELECT 4;",
        },
    )

    assert found.tool == "golang-migrate"
    assert told(found) == [("9", 9, "a", "SELECT 1;", "SELECT 2;"), ("10", 10, "b", "SELECT 3;", "")]
    assert found.left_out == (("11_lost.down.sql", "its name is not NUMBER_NAME.up.sql"),)


def test_prisma_and_diesel_have_a_folder_each(tmp_path: Path) -> None:
    prisma = history(
        tmp_path / "prisma", **{"20240101120000_init/migration.sql": "SELECT 1;", "migration_lock.toml": ""}
    )
    diesel = history(
        tmp_path / "diesel",
        **{
            "00000000000000_setup/up.sql": "SELECT 0;",
            "2024-01-02-120000_a/up.sql": "SELECT 1;",
            "2024-01-02-120000_a/down.sql": "SELECT 2;",
        },
    )

    assert (prisma.tool, told(prisma)) == (
        "Prisma",
        [("20240101120000_init", 20240101120000, "init", "SELECT 1;", "")],
    )
    assert diesel.tool == "Diesel"
    # 0 is no number of a migration: all get new ones.
    assert told(diesel) == [
        ("00000000000000", 1, "setup", "SELECT 0;", ""),
        ("20240102120000", 2, "a", "SELECT 1;", "SELECT 2;"),
    ]


def test_diesel_runs_them_by_their_digits_with_and_without_dashes(tmp_path: Path) -> None:
    names = ("20170804200817_a", "2017-09-23-182408_b", "2026-07-30-140000-0000_c", "20260801000000_d")
    found = history(tmp_path, **{f"{name}/up.sql": "SELECT 1;" for name in names})

    assert [entry.name for entry in found.entries] == ["a", "b", "c", "d"]
    # As numbers, the third would be the last.
    assert [entry.version for entry in found.entries] == [1, 2, 3, 4]


def test_sqitch_is_read_by_its_plan_and_a_change_that_comes_again_has_two_texts(tmp_path: Path) -> None:
    plan = """%syntax-version=1.0.0
%project=shop

users 2024-01-01T10:00:00Z Ann <ann@example.com> # first
orders/make [users] 2024-01-02T10:00:00Z Ann <ann@example.com>
@v1 2024-01-03T10:00:00Z Ann <ann@example.com> # tag

users [users@v1] 2024-01-04T10:00:00Z Ann <ann@example.com> # again
"""
    found = history(
        tmp_path,
        **{
            "sqitch.plan": plan,
            "deploy/users@v1.sql": "SELECT 1;",
            "deploy/users.sql": "SELECT 3;",
            "revert/users.sql": "SELECT -3;",
            "deploy/orders/make.sql": "SELECT 2;",
            "verify/users.sql": "SELECT 4;",
        },
    )

    assert told(found) == [
        ("users", 1, "users", "SELECT 1;", ""),
        ("orders/make", 2, "orders_make", "SELECT 2;", ""),
        ("users", 3, "users", "SELECT 3;", "SELECT -3;"),
    ]
    assert [name for name, _ in found.left_out] == ["verify/users.sql"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.txt": ""}, "could not find migrations of another tool"),
        ({"sqitch.plan": "a 2024-01-01T10:00:00Z A <a@b>\n"}, r'could not read ".*deploy/a\.sql": No such file'),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(PgMigrateError, match=message):
        history(tmp_path, **files)


def test_a_folder_that_is_not_there_and_text_that_is_no_utf_8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PgMigrateError, match="could not read folder"):
        read_foreign(tmp_path / "gone")
    (tmp_path / "1_a.up.sql").write_bytes(b"SELECT '\xe4'")
    with pytest.raises(PgMigrateError, match="it is no UTF-8 text"):
        read_foreign(tmp_path)
