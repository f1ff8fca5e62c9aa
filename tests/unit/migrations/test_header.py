"""The header of a file: what it may say, and how it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.files import read_folder
from pyinfra_pgmigrate.migrations.header import Header, migration_header, parse_header, read_header
from pyinfra_pgmigrate.sqltext.files import read_text

from tests.unit.migrations.folders import folder, refusal


def test_a_header_says_all_that_a_migration_may() -> None:
    text = """-- purpose: fill the new column,
--     batch by batch
-- phase: data
-- data: converge
-- batch: keyset
-- repeatable: true
-- removes: constraint t.* UNIQUE (a) or index i *
-- safe: rewrite, blocking-index because
--     the table is small

UPDATE t SET a = 1;
"""

    assert migration_header(text, source="x", purpose="name", phase="schema") == Header(
        "fill the new column, batch by batch",
        "data",
        converges=True,
        in_batches=True,
        repeatable=True,
        removes=("constraint t.* UNIQUE (a)", "index i *"),
        accepted=("rewrite", "blocking-index"),
        reason="the table is small",
    )


def test_what_it_does_not_say_is_not_so() -> None:
    assert migration_header(
        "-- purpose: p\n-- phase: contract\n-- data: once\n-- repeatable: false",
        source="x",
        purpose="name",
        phase="schema",
    ) == Header("p", "contract")


@pytest.mark.parametrize("text", ["\n-- purpose: p", "SELECT 1;\n-- purpose: p", ""])
def test_comments_below_the_top_are_none(text: str) -> None:
    assert parse_header(text, source="x") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--     more\n", "line 1"),
        ("-- Purpose: p\n", "line 1"),
        ("--purpose: p\n", "line 1"),
        ("-- purpose:\n", "line 1"),
        ("-- purpose: p\n-- purpose: p\n", "line 2"),
    ],
)
def test_a_line_of_another_form_is_refused(text: str, message: str) -> None:
    with pytest.raises(PgMigrateError, match=f"could not read header of x, {message}") as caught:
        parse_header(text, source="x")
    assert caught.value.refusal.kind is Kind.FILE


@pytest.mark.parametrize("safe", ["rewrite", "rewrite because", "Rewrite because x", "because x", "a b because x"])
def test_a_rule_is_accepted_with_a_reason_alone(safe: str) -> None:
    with pytest.raises(PgMigrateError, match=r"x, line 3\nDETAIL: Found safe "):
        migration_header(
            f"-- purpose: p\n-- phase: data\n-- safe: {safe}\n", source="x", purpose="name", phase="schema"
        )


def test_a_file_beside_the_migrations_has_keys_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "one.sql"
    path.write_text("-- purpose: p\n-- role: app\n\nSELECT 1;\n")

    assert read_header(path, ("purpose", "role")) == (path.read_text(), {"purpose": "p", "role": "app"})
    with pytest.raises(PgMigrateError, match=r'one\.sql\nDETAIL: Found the key "role"; expected one of purpose, since'):
        read_header(path, ("purpose", "since"))


def test_line_ends_of_windows_are_part_of_a_file_and_none_of_an_effect(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb")

    assert read_text(path) == "a\r\nb"
    assert read_text(path, kind=Kind.EFFECT) == "a\nb"


def test_a_header_goes_on_over_several_lines() -> None:
    text = "-- purpose: first\n--     and more\n-- phase: schema\n\n-- a comment: no key\nSELECT 1"

    assert parse_header(text, source="x") == {"purpose": "first and more", "phase": "schema"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- purpose: a\n-- purpose: b\n", "line 2\nDETAIL: Found the key \"purpose\" a second time"),
        ("-- purpose: a\n-- colour: red\n-- phase: schema\n", 'line 2\nDETAIL: Found the key "colour"'),
        ("-- purpose: a\n-- phase: later\n", 'line 2\nDETAIL: Found phase "later"; expected one of preparation,'),
        ("-- purpose: a\n-- just a remark\n", 'line 2\nDETAIL: Found "-- just a remark"'),
        ("-- remark\n-- pupose: a\n", 'line 2\nDETAIL: Found the key "pupose"; expected "purpose", or no header at all.'),
        ("-- purpose: a\n-- phase: schema\n-- from: nothing\n", 'Found from "nothing"; expected "TOOL KEY"'),
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
    ("header", "purpose", "phase"),
    [
        ("", "add x", "schema"),
        ("-- phase: contract\n", "add x", "contract"),
        ("-- purpose: another one\n", "another one", "schema"),
        ("-- safe: rewrite because it is empty\n", "add x", "schema"),
    ],
)
def test_what_a_header_does_not_name_comes_from_name_and_statements(
    tmp_path: Path, header: str, purpose: str, phase: str
) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_add_x__sql": f"{header}\nALTER TABLE a ADD x int"}))

    assert (migration.header.purpose, migration.header.phase) == (purpose, phase)


@pytest.mark.parametrize(
    ("line", "repeatable"), [("", False), ("-- repeatable: true\n", True), ("-- repeatable: false\n", False)]
)
def test_statements_may_run_twice_only_where_the_header_says_so(tmp_path: Path, line: str, repeatable: bool) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": f"-- purpose: try\n-- phase: data\n{line}\nSELECT 1"}))

    assert migration.header.repeatable is repeatable
