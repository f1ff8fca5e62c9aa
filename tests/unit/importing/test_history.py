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


class TestNothingIsLost:
    """What may be a migration is imported as it is, or named so that the command ends with exit status 1."""

    def test_words_in_a_comment_are_no_marks(self, tmp_path: Path) -> None:
        one = "CREATE TABLE a (id int);\n-- Down migration is not needed: nothing is lost.\nCREATE TABLE b (id int);"
        two = "CREATE TABLE c (id int);\n-- Up migration of the old rows\nINSERT INTO c SELECT id FROM a;"

        found = history(tmp_path, **{"20240101000000_a.sql": one, "20240102000000_b.sql": two})

        assert found.tool == "numbered"
        assert [(entry.up.strip(), entry.down) for entry in found.entries] == [(one, ""), (two, "")]
        assert found.unread == ()

    def test_where_the_tool_would_take_them_for_marks_they_are_named(self, tmp_path: Path) -> None:
        found = history(
            tmp_path,
            **{
                "1_a.sql": "-- Up Migration\nCREATE TABLE a (id int);\n---- Down Migration ----\nDROP TABLE a;",
                "2_b.sql": "CREATE TABLE b (id int);\n-- down migration of the rest\nDROP TABLE c;",
            },
        )

        assert [(one.up.strip(), one.down.strip()) for one in found.entries] == [
            ("CREATE TABLE a (id int);", "DROP TABLE a;")
        ]
        assert [name for name, _ in found.unread] == ["2_b.sql"]

    def test_sql_above_the_first_mark_is_told(self, tmp_path: Path) -> None:
        found = history(
            tmp_path,
            **{
                "1_a.sql": "-- words\nSET x = 1;\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;",
                "2_b.sql": "-- words; more\n-- +goose Up\nSELECT 1;",
            },
        )

        assert [name for name, _ in found.left_out] == ["1_a.sql"]

    def test_folders_have_any_name(self, tmp_path: Path) -> None:
        diesel = history(
            tmp_path / "diesel",
            **{
                "2024-01-01-000000_one/up.sql": "SELECT 1;",
                "2024-01-02-000000-two/up.sql": "SELECT 2;",
                "2024-01-03-000000_three/up.sql": "SELECT 3;",
                "notes/readme.txt": "",
            },
        )
        prisma = history(
            tmp_path / "prisma",
            **{
                "20240102000000/migration.sql": "SELECT 2;",
                "0_init/migration.sql": "SELECT 1;",
                "x/migration.sql": "SELECT 3;",
            },
        )

        assert [(one.key, one.up) for one in diesel.entries] == [
            ("20240101000000", "SELECT 1;"),
            ("20240102000000two", "SELECT 2;"),
            ("20240103000000", "SELECT 3;"),
        ]
        assert [(one.key, one.up) for one in prisma.entries] == [
            ("0_init", "SELECT 1;"),
            ("20240102000000", "SELECT 2;"),
            ("x", "SELECT 3;"),
        ]
        assert [one.version for one in diesel.entries] == [one.version for one in prisma.entries] == [1, 2, 3]
        assert [name for name, _ in diesel.left_out] == ["notes/"]

    def test_sql_migrate_and_dbmate_take_more_names(self, tmp_path: Path) -> None:
        names = ("10_c.sql", "2.sql", "later.sql", "3-b.sql")
        migrate = history(tmp_path / "a", **{name: f"-- +migrate Up\nSELECT '{name}';" for name in names})
        dbmate = history(
            tmp_path / "b",
            **{name: f"-- migrate:up\nSELECT '{name}';" for name in ("1_a.sql", "20240101.sql", "x.sql")},
        )

        assert [one.key for one in migrate.entries] == ["2.sql", "3-b.sql", "10_c.sql", "later.sql"]
        assert [(one.key, one.name) for one in dbmate.entries] == [("1", "a"), ("20240101", "migration")]
        assert [name for name, _ in dbmate.unread] == ["x.sql"]

    def test_numbered_files_without_a_name_are_named(self, tmp_path: Path) -> None:
        found = history(tmp_path, **{"001_a.sql": "SELECT 1;", "002.sql": "SELECT 2;", "seed.sql": "SELECT 3;"})

        assert [name for name, _ in found.unread] == ["002.sql"]
        assert [name for name, _ in found.left_out] == ["seed.sql"]

    def test_a_file_with_one_way_among_those_with_two_is_named(self, tmp_path: Path) -> None:
        found = history(
            tmp_path, **{"001_a.sql": "SELECT 1;", "002_b.up.sql": "SELECT 2;", "002_b.down.sql": "SELECT -2;"}
        )

        assert [one.key for one in found.entries] == ["2"]
        assert [name for name, _ in found.unread] == ["001_a.sql"]

    def test_a_change_that_comes_again_has_the_last_tag_before_that(self, tmp_path: Path) -> None:
        plan = "%syntax-version=1.0.0\n\nf 2024 A # f\n@v1 2024 A # v1\ng 2024 A # g\n@v2 2024 A # v2\nf [f@v2] 2024 A # again\n@v3 2024 A # v3\n"

        found = history(
            tmp_path,
            **{
                "sqitch.plan": plan,
                "deploy/f.sql": "SELECT 2;",
                "deploy/f@v2.sql": "SELECT 1;",
                "deploy/g.sql": "SELECT 0;",
            },
        )

        assert [one.up for one in found.entries] == ["SELECT 1;", "SELECT 0;", "SELECT 2;"]

    def test_what_flyway_runs_again_is_in_the_order_of_its_descriptions(self, tmp_path: Path) -> None:
        found = history(
            tmp_path,
            **{
                "V1__t.sql": "SELECT 1;",
                "functions/R__b_view.sql": "SELECT 3;",
                "views/R__a_function.sql": "SELECT 2;",
            },
        )

        assert [one.name for one in found.entries] == ["t", "a_function", "b_view"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("1_a.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;"),
            ("1_a.sql", "-- migrate:up transaction:false\nSELECT 1;"),
            ("1_a.sql", "-- +migrate Up notransaction\nSELECT 1;"),
            ("1_a.up.sql", "-- no-transaction\nSELECT 1;"),
        ],
    )
    def test_what_ran_without_a_transaction_is_told(self, tmp_path: Path, name: str, text: str) -> None:
        found = history(tmp_path, **{name: text})

        assert [(source, reason.split(";")[0]) for source, reason in found.left_out] == [
            (name, "ran without a transaction")
        ]

    def test_so_is_that_of_diesel(self, tmp_path: Path) -> None:
        found = history(
            tmp_path,
            **{
                "1_a/up.sql": "SELECT 1;",
                "1_a/metadata.toml": "run_in_transaction = false\n",
                "2_b/up.sql": "SELECT 2;",
            },
        )

        assert [source for source, _ in found.left_out] == ["1_a/up.sql"]
