"""The statements of a file, as the runner may run them."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.script import Script, read_script, read_statements, split_statements


def numbers(found: Script) -> list[int]:
    return [one.number for one in found.statements]


def test_a_file_is_its_statements() -> None:
    found = read_script("-- it\nSELECT 1; -- and\n\nSELECT 2", "x.sql")

    assert [one.text for one in found.statements] == ["SELECT 1", "SELECT 2"]
    assert (found.transaction_mode, found.is_block) == ("", False)


def test_begin_and_commit_around_it_are_none_of_them() -> None:
    plain = read_script("SELECT 1;\nSELECT 2;\n", "x.sql")
    block = read_script("BEGIN;\nSELECT 1;\n-- between\nSELECT 2;\nEND;\n", "x.sql")

    assert block.is_block
    assert numbers(block) == [1, 2]
    assert block.checksum == plain.checksum
    # The lines are those of the file, for messages.
    assert [one.line for one in block.statements] == [2, 4]


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1;",
        "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE; SELECT 1; COMMIT;",
    ],
)
def test_an_isolation_level_is_that_of_the_transaction(text: str) -> None:
    found = read_script(text, "x.sql")

    assert found.transaction_mode == "ISOLATION LEVEL SERIALIZABLE"
    assert numbers(found) == [1]
    assert found.checksum == read_script("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;", "x.sql").checksum


def test_a_setting_of_the_file_itself_may_be_kept() -> None:
    text = "SET LOCAL search_path = public;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT RETURN 1"

    assert numbers(read_script(text, "x.sql")) == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;\nBEGIN;", "line 2: BEGIN is not allowed here"),
        ("BEGIN;\nCOMMIT;\nBEGIN;\nCOMMIT;", "line 2: COMMIT is not allowed here"),
        ("BEGIN;\nVACUUM t;\nCOMMIT;", "line 2: PostgreSQL does not run it in a transaction"),
        ("SELECT 1;\nCREATE ROLE r;", "line 2: what belongs to the whole server is no part of a migration"),
        ("SELECT 1;\n\n\\d t", "line 3: backslash commands of psql are not allowed"),
        ("COPY t TO STDOUT", "line 1: COPY from or to the client is not allowed"),
        ("SELECT 1;\nSELEKT 2;", 'line 2: syntax error at or near "SELEKT"'),
    ],
)
def test_what_the_runner_may_not_run_is_refused_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(PgMigrateError, match=f"cannot use x.sql, {message}") as caught:
        read_script(text, "x.sql")
    assert caught.value.refusal.kind is Kind.FILE


def test_a_file_of_the_application_keeps_to_the_same_rules_without_a_transaction_of_its_own() -> None:
    assert [
        one.text for one in read_statements("SELECT 1; COPY t TO '/tmp/t'; SET LOCAL work_mem = '8MB'", "x.sql")
    ] == [
        "SELECT 1",
        "COPY t TO '/tmp/t'",
        "SET LOCAL work_mem = '8MB'",
    ]
    with pytest.raises(PgMigrateError, match="BEGIN is not allowed here"):
        read_statements("BEGIN; SELECT 1; COMMIT;", "x.sql")


def test_statements_alone_are_held_to_the_grammar_alone() -> None:
    assert len(split_statements("CREATE ROLE r; BEGIN; COMMIT;", "baseline.sql")) == 3
    with pytest.raises(PgMigrateError, match=r"baseline\.sql, line 1: syntax error"):
        split_statements("SELECT FROM FROM", "baseline.sql")
