"""Rollback scripts as files: what their headers say, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.rollback.scripts import dropped_keys, keys_after, load_rollbacks, renamed_keys

from tests.support.servers import SQL

HEADER = "-- purpose: take it back\n-- reverts: 001-006\n"


def write(folder: Path, text: str, name: str = "one") -> Path:
    (folder / f"rollback_{name}.sql").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_one_reverts_all_six() -> None:
    (found,) = load_rollbacks(SQL)

    assert (found.name, found.first, found.last, found.keeps) == ("rollback_variants", 1, 6, ())
    assert len(found.statements) == 4
    assert found.purpose


def test_without_a_script_there_is_none(tmp_path: Path) -> None:
    assert load_rollbacks(tmp_path) == ()


def test_the_newest_stands_first_and_of_those_the_shortest(tmp_path: Path) -> None:
    for name, reverts in {"a": "001-003", "b": "004-006", "c": "002-006", "d": "007-007"}.items():
        write(tmp_path, f"-- purpose: p\n-- reverts: {reverts}\n\nSELECT 1;\n", name)

    assert [one.name for one in load_rollbacks(tmp_path)] == ["rollback_d", "rollback_b", "rollback_c", "rollback_a"]


def test_comments_and_white_space_are_no_other_script(tmp_path: Path) -> None:
    (first,) = load_rollbacks(write(tmp_path, f"{HEADER}\nDROP TABLE a;\n"))
    (second,) = load_rollbacks(write(tmp_path, f"{HEADER}\n-- so\nDROP   TABLE a;\n"))
    (third,) = load_rollbacks(write(tmp_path, f"{HEADER}\nDROP TABLE b;\n"))

    assert first.checksum == second.checksum != third.checksum


@pytest.mark.parametrize(
    ("keeps", "expected"),
    [
        ("invoice.customer", (("invoice", "customer"),)),
        ("invoice.customer, other.orders.customer", (("invoice", "customer"), ("other.orders", "customer"))),
        ('"My Table"."a.b"', (('"My Table"', '"a.b"'),)),
    ],
)
def test_references_that_are_emptied_are_read_with_their_quotes(
    tmp_path: Path, keeps: str, expected: tuple[tuple[str, str], ...]
) -> None:
    (found,) = load_rollbacks(write(tmp_path, f"{HEADER}-- keeps: {keeps}\n\nSELECT 1;\n"))

    assert found.keeps == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("DROP TABLE a;\n", "Found no purpose"),
        ("-- purpose: p\n\nDROP TABLE a;\n", 'Found reverts ""'),
        ("-- purpose: p\n-- reverts: 001\n\nDROP TABLE a;\n", 'Found reverts "001"'),
        ("-- purpose: p\n-- reverts: 006-001\n\nDROP TABLE a;\n", 'Found reverts "006-001"'),
        ("-- purpose: p\n-- reverts: 001-006 or so\n\nDROP TABLE a;\n", 'Found reverts "001-006 or so"'),
        (f"{HEADER}-- phase: schema\n\nDROP TABLE a;\n", 'Found the key "phase"'),
        (f"{HEADER}-- keeps: customer\n\nDROP TABLE a;\n", 'Found keeps "customer"'),
        (f"{HEADER}-- keeps: invoice.customer, customer\n\nDROP TABLE a;\n", "Found keeps"),
        (f"{HEADER}\n-- nothing\n", "Found no statement"),
        (f"{HEADER}\nDROP TABLE a;\nDROP INDEX CONCURRENTLY b;\n", 'Found "DROP INDEX CONCURRENTLY b"'),
        (f"{HEADER}\nVACUUM a;\n", 'Found "VACUUM a"'),
    ],
)
def test_one_that_breaks_a_rule_is_refused_by_name(tmp_path: Path, text: str, detail: str) -> None:
    with pytest.raises(PgMigrateError) as refused:
        load_rollbacks(write(tmp_path, text))

    refusal = refused.value.refusal
    assert refusal.kind is Kind.FILE
    assert "rollback_one.sql" in refusal.message
    assert detail in refusal.detail


def test_what_it_drops_by_name_is_known_in_each_form_that_a_line_may_have(tmp_path: Path) -> None:
    text = 'DROP TABLE IF EXISTS a, s."Bc"; ALTER TABLE a DROP COLUMN "user";'
    found = set(dropped_keys(load_rollbacks(write(tmp_path, f"{HEADER}\n{text}\n"))))

    assert {"table a", 'table s."Bc"', 'column a."user"'} <= found
    assert not any(key.startswith("table t") for key in found)


@pytest.mark.parametrize(
    ("script", "keys", "then", "expected"),
    [
        (
            "ALTER TABLE b RENAME TO a",
            ["table b", "column b.n", "constraint b.c", "trigger b.t", "index b_n", "view v"],
            ["table a", "column a.n", "constraint a.c", "trigger a.t"],
            ["table b", "column b.n", "constraint b.c", "trigger b.t"],
        ),
        # Nothing of that name is there in the end.
        ("ALTER TABLE b RENAME TO a", ["table b", "column b.n"], ["table a"], ["table b"]),
        ('ALTER TABLE x."B" RENAME TO a', ['table x."B"', "table x.b"], ["table x.a"], ['table x."B"']),
        ("ALTER TABLE b RENAME n TO m; ALTER TABLE b RENAME TO a", ["column b.n"], ["column a.m"], ["column b.n"]),
        ("ALTER TABLE b RENAME TO a; ALTER TABLE a DROP COLUMN n", ["column b.n"], ["column a.n"], []),
        ("DROP TABLE b; ALTER TABLE c RENAME TO b; ALTER TABLE b RENAME TO a", ["table b"], ["table a"], []),
        ("ALTER TABLE b SET SCHEMA x", ["table b", "column b.n"], ["table x.b", "column x.b.n"], ["table b", "column b.n"]),
        ("ALTER TABLE x.b SET SCHEMA public", ["table x.b"], ["table b"], ["table x.b"]),
        ("ALTER TYPE b RENAME TO a", ["type b", "table b"], ["type a", "table a"], ["type b"]),
        ("ALTER DOMAIN b RENAME TO a", ["type b"], ["type a"], ["type b"]),
        (
            "ALTER FUNCTION x.b (integer) RENAME TO a",
            ["function x.b(integer)", "function b(integer)"],
            ["function x.a(integer)"],
            ["function x.b(integer)"],
        ),
        ("ALTER STATISTICS b RENAME TO a", ["statistics b"], ["statistics a"], ["statistics b"]),
        ("ALTER INDEX b RENAME TO a", ["index b", "constraint t.b"], ["index a", "constraint t.a"], ["index b", "constraint t.b"]),
        ("ALTER TABLE t RENAME CONSTRAINT b TO a", ["constraint t.b", "constraint u.b"], ["constraint t.a"], ["constraint t.b"]),
        ("ALTER TRIGGER b ON t RENAME TO a", ["trigger t.b"], ["trigger t.a"], ["trigger t.b"]),
        ("ALTER SCHEMA b RENAME TO a", ["schema b"], ["schema a"], []),
        ("DROP TABLE b", ["table b"], ["table a"], []),
    ],
)  # fmt: skip
def test_what_gets_another_name_stays(
    tmp_path: Path, script: str, keys: list[str], then: list[str], expected: list[str]
) -> None:
    found = load_rollbacks(write(tmp_path, f"{HEADER}\n{script};\n"))

    assert list(renamed_keys(found, keys, then)) == expected


def test_what_is_made_again_under_its_name_may_count_as_the_same(tmp_path: Path) -> None:
    text = "DROP TABLE a; CREATE TABLE a (n integer); ALTER TABLE a RENAME TO b;"
    (script,) = load_rollbacks(write(tmp_path, f"{HEADER}\n{text}\n"))

    assert "table b" in keys_after(script.statements, ["table a"], stays_gone=False)["table a"]
    assert keys_after(script.statements, ["table a"])["table a"] == frozenset()
