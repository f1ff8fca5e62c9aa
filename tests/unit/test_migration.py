from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migration import load_folder, parse_header, read_folder

from tests.support.migrations import copied

HEADER = "-- purpose: try\n-- phase: schema\n\n"


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return tmp_path


def refusal(tmp_path: Path) -> str:
    with pytest.raises(PgMigrateError) as caught:
        read_folder(tmp_path)
    assert caught.value.refusal.kind is Kind.FILE
    return str(caught.value)


def test_migrations_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"10_b__sql": HEADER + "SELECT 1", "9_a__sql": HEADER + "SELECT 1", "baseline__sql": "x"})

    assert [migration.name for migration in read_folder(path)] == ["9_a", "10_b"]


def test_a_header_goes_on_over_several_lines() -> None:
    text = "-- purpose: first\n--     and more\n-- phase: schema\n\n-- a comment: no key\nSELECT 1"

    assert parse_header(text, source="x") == {"purpose": "first and more", "phase": "schema"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- purpose: a\n-- purpose: b\n", "line 2\nDETAIL: Found the key \"purpose\" a second time"),
        ("-- purpose: a\n-- colour: red\n-- phase: schema\n", 'line 2\nDETAIL: Found the key "colour"'),
        ("-- purpose: a\n-- phase: later\n", 'line 2\nDETAIL: Found phase "later"; expected one of preparation,'),
        ("-- just a remark\n", 'line 1\nDETAIL: Found "-- just a remark"'),
        ("-- phase: schema\n", 'Found no key "purpose"'),
        ("-- purpose: a\n-- phase: schema\n-- safe: rewrite\n", 'Found safe "rewrite"; expected "<rule> because <reason>"'),
        ("-- purpose: a\n-- phase: data\n-- repeatable: yes\n", 'line 3\nDETAIL: Found repeatable "yes"; expected one of true, false'),
        ("-- purpose: a\n-- phase: data\n-- data: converge\n", 'Found "data: converge" and no verify file'),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    found = refusal(folder(tmp_path, **{"001_a__sql": text + "\nSELECT 1"}))

    assert "001_a.sql" in found
    assert message in found


@pytest.mark.parametrize(
    ("line", "repeatable"), [("", False), ("-- repeatable: true\n", True), ("-- repeatable: false\n", False)]
)
def test_statements_may_run_twice_only_where_the_header_says_so(tmp_path: Path, line: str, repeatable: bool) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": f"-- purpose: try\n-- phase: data\n{line}\nSELECT 1"}))

    assert migration.header.repeatable is repeatable


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("BEGIN;\nSELECT 1;\nCOMMIT;", "line 4: BEGIN is not allowed"),
        ("SELECT 1;\nROLLBACK;", "line 5: ROLLBACK is not allowed"),
        ("SELECT 1;\n\\! rm -rf x", "line 5: backslash commands of psql are not allowed"),
        ("\\copy t from 'x'", "line 4: backslash commands of psql are not allowed"),
        ("SELECT FROM FROM", 'line 4: syntax error at or near "FROM"'),
        ("COPY t FROM STDIN;", "COPY from or to the client is not allowed"),
        ("SET search_path = x;", "settings of the whole session are the runner's"),
        ("RESET ALL;", "settings of the whole session are the runner's"),
        ("DISCARD ALL;", "settings of the whole session are the runner's"),
        ("", "there is nothing to run and nothing to verify"),
    ],
)
def test_sql_that_breaks_a_rule_is_refused_with_file_and_line(tmp_path: Path, statement: str, message: str) -> None:
    assert message in refusal(folder(tmp_path, **{"001_a__sql": HEADER + statement}))


def test_a_backslash_inside_a_literal_is_no_command(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"001_a__sql": HEADER + "SELECT '\\d', $$ \\! $$;\nSET LOCAL work_mem = '1MB';"})

    assert len(read_folder(path)[0].statements) == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"001-a__sql": HEADER + "SELECT 1"}, 'cannot use file "001-a.sql" as a migration'),
        ({"001_A__sql": HEADER + "SELECT 1"}, 'cannot use file "001_A.sql" as a migration'),
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


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PgMigrateError, match="could not find a migration in SQL folder"):
        read_folder(tmp_path)


def test_statements_are_grouped_into_steps(tmp_path: Path) -> None:
    text = HEADER + "SELECT 1; SELECT 2; CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY i; SELECT 3;"
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": text}))

    steps = [tuple(one.number for one in step) for step in migration.steps([1, 2, 3, 4, 5])]

    assert steps == [(1, 2), (3,), (4,), (5,)]
    assert [tuple(one.number for one in step) for step in migration.steps([2, 5])] == [(2, 5)]


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
