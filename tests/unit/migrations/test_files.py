"""Folders of migrations: which files are migrations, in which order, in which bytes, and what belongs to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.files import BaselineNames, baseline_checksum, load_folder, read_folder, read_names
from pyinfra_pgmigrate.sqltext.parser import checksum_of

from tests.support.migrations import copied
from tests.unit.migrations.folders import HEADER, folder, refusal


def test_migrations_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"10_b__sql": HEADER + "SELECT 1", "9_a__sql": HEADER + "SELECT 1", "baseline__sql": "x"})

    assert [migration.name for migration in read_folder(path)] == ["9_a", "10_b"]


class TestBytes:
    """Files as editors and other systems leave them."""

    def test_the_mark_before_utf_8_text_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "baseline.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;")
        (tmp_path / "001_a.sql").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"SELECT 1;")

        (migration,) = read_folder(tmp_path)

        assert migration.header.purpose == "try"
        assert baseline_checksum(tmp_path) == checksum_of("SELECT 1;")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("SELECT 'Zür\nich';\nSELECT 'é'".encode("latin-1"), "001_a.sql, line 4: it is no UTF-8 text\nDETAIL: Found the byte 0xfc"),
            ("SELECT 1;".encode("utf-16"), "001_a.sql, line 4: it is no UTF-8 text\nDETAIL: Found the byte 0xff"),
            (b"SELECT 1;\n\0SELECT 2;", "001_a.sql, line 5: it is no UTF-8 text\nDETAIL: Found the byte 0x00"),
        ],
        ids=["latin-1", "utf-16", "nul"],
    )  # fmt: skip
    def test_other_bytes_are_refused_with_file_and_line(self, tmp_path: Path, data: bytes, message: str) -> None:
        (tmp_path / "001_a.sql").write_bytes(HEADER.encode() + data)

        assert message in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["001_a.sql", "001_a.verify.sql", "baseline.sql"])
    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path: Path, name: str) -> None:
        folder(tmp_path, **{"001_a__sql": HEADER + "SELECT 1"})
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to(tmp_path / name)

        with pytest.raises(PgMigrateError) as caught:
            load_folder(tmp_path)

        assert f'{name}": Too many levels of symbolic links\nDETAIL: ' in str(caught.value)

    def test_a_folder_that_is_none_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "sql").write_text("no folder")

        with pytest.raises(PgMigrateError, match="it is no folder"):
            read_folder(tmp_path / "sql")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"001-a__sql": HEADER + "SELECT 1"}, 'cannot use file "001-a.sql" as a migration'),
        ({"001_a b__sql": HEADER + "SELECT 1"}, 'cannot use file "001_a b.sql" as a migration'),
        ({f"{10**18}_a__sql": HEADER + "SELECT 1"}, f'cannot use file "{10**18}_a.sql" as a migration'),
        ({"001_a__effect": ""}, "expected 001_a.sql beside it"),
        ({"1_a__sql": HEADER + "SELECT 1", "001_b__sql": HEADER + "SELECT 1"}, "two migrations of version 1"),
        (
            {"001_a__sql": HEADER + "SELECT 1", "001_a__verify__sql": "DELETE FROM t"},
            "a verify file is one SELECT",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, files: dict[str, str], message: str) -> None:
    assert message in refusal(folder(tmp_path, **files))


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("-- Written by Ann\n-- note: for later\nCREATE TABLE t (a int);", "schema"),
        ("INSERT INTO t VALUES (1); UPDATE t SET a = 2; DELETE FROM t; SELECT 1;", "data"),
        ("INSERT INTO t VALUES (1); CREATE TABLE u (a int);", "schema"),
        ("DO $$ BEGIN NULL; END $$;", "schema"),
        ("", "schema"),
    ],
)
def test_a_migration_may_have_no_header(tmp_path: Path, text: str, phase: str) -> None:
    (tmp_path / "20240101120000_Add-theThing.sql").write_text(text)

    (migration,) = read_folder(tmp_path)

    assert (migration.version, migration.name) == (20240101120000, "20240101120000_Add-theThing")
    assert (migration.header.purpose, migration.header.phase) == ("Add-theThing", phase)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("V2__x.sql", "Flyway"),
        ("R__views.sql", "Flyway"),
        ("20240101_x.up.sql", "golang-migrate"),
        ("20240101_x.down.sql", "golang-migrate"),
        ("20240101_x/migration.sql", "Prisma"),
        ("20240101_x/up.sql", "Diesel"),
        ("sqitch.plan", "Sqitch"),
    ],
)
def test_files_of_other_tools_are_never_passed_over(tmp_path: Path, name: str, tool: str) -> None:
    path = folder(tmp_path, **{"001_a__sql": "SELECT 1"}) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("SELECT 2")

    found = refusal(tmp_path)

    assert found.startswith(f'cannot use "{name.split("/", maxsplit=1)[0]}": it is a migration of {tool}\n')
    assert f"pgmigrate import {tmp_path} --dir NEW_FOLDER" in found


@pytest.mark.parametrize("mark", ["-- migrate:down", "--  +goose Down", "-- +migrate Down", "-- Down Migration"])
def test_a_file_with_its_way_back_in_it_is_never_run_as_a_whole(tmp_path: Path, mark: str) -> None:
    found = refusal(folder(tmp_path, **{"001_a__sql": f"CREATE TABLE t (a int);\n{mark}\nDROP TABLE t;"}))

    assert 'cannot use "001_a.sql": it is a migration of' in found


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PgMigrateError, match="could not find a migration in SQL folder"):
        read_folder(tmp_path)


class TestEffects:
    def test_shipped_effects_are_current(self, tmp_path: Path) -> None:
        assert [migration.stale for migration in load_folder(copied(tmp_path))] == [None] * 6

    def test_another_text_makes_an_effect_stale(self, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        path = sql / "002_create_variant_config.sql"
        path.write_text(path.read_text().replace("description text", "description varchar"))

        stale = {one.name: one.stale for one in load_folder(sql) if one.stale is not None}

        assert list(stale) == [
            "002_create_variant_config", "003_initialize_defaults", "004_validate_migration",
            "005_add_lookup_indexes", "006_release_group_name_rule",
        ]  # fmt: skip
        assert "its statement 1 changed" in stale["002_create_variant_config"].message
        assert "what stands before it changed" in stale["003_initialize_defaults"].message

    @pytest.mark.parametrize("damage", ["nonsense here", "lock", "statement x: y", "+ x"])
    def test_an_edited_effect_is_refused_with_file_and_line(self, tmp_path: Path, damage: str) -> None:
        sql = copied(tmp_path)
        path = sql / "005_add_lookup_indexes.effect"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:6], damage, *lines[6:]]) + "\n")

        with pytest.raises(
            PgMigrateError, match=r'could not read effect "005_add_lookup_indexes.effect": line 7'
        ) as caught:
            load_folder(sql)

        assert caught.value.refusal.kind is Kind.EFFECT

    def test_a_cut_effect_is_refused(self, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        path = sql / "001_add_variant_columns.effect"
        path.write_text(path.read_text()[:-80])

        with pytest.raises(PgMigrateError, match="could not read effect"):
            load_folder(sql)


class TestNames:
    """Where names without a schema are found, as the comments at the top of the baseline say."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", BaselineNames()),
            ("CREATE TABLE a (n integer);\n-- schema: app\n", BaselineNames()),
            ("-- schema: app\nCREATE SCHEMA app;\n", BaselineNames("app")),
            (
                "--\n-- PostgreSQL database dump\n--\n\n-- search_path:  ext , odd one,\n-- schema: My App \n\nSELECT 1;\n",
                BaselineNames("My App", ("ext", "odd one")),
            ),
            ("-- Name: a; Type: TABLE; Schema: public; Owner: -\n--  schema: app\n", BaselineNames()),
        ],
    )
    def test_are_read_from_there_alone(self, tmp_path: Path, text: str, expected: BaselineNames) -> None:
        (tmp_path / "baseline.sql").write_text(text)

        assert read_names(tmp_path) == expected

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("-- schema: a\n-- schema: b\n", 'line 2.*Found the key "schema" again'),
            ("\n-- search_path:\n", 'line 2.*Found no name at "search_path"'),
        ],
    )
    def test_that_cannot_be_meant_are_refused(self, tmp_path: Path, text: str, found: str) -> None:
        (tmp_path / "baseline.sql").write_text(text)

        with pytest.raises(PgMigrateError, match=f"(?s){found}"):
            read_names(tmp_path)

    def test_are_part_of_what_effects_were_recorded_on(self, tmp_path: Path) -> None:
        baseline = tmp_path / "baseline.sql"
        sums = []
        for header in ("", "-- a comment\n", "-- schema: a\n", "-- search_path: a\n", "-- search_path: a, b\n"):
            baseline.write_text(f"{header}SELECT 1;\n")
            sums.append(baseline_checksum(tmp_path))

        assert sums[0] == sums[1] == checksum_of("SELECT 1;")
        assert len(set(sums)) == 4
