"""The scripts that compare a database with a backup, and what explain.sh tells of rows that differ."""

from __future__ import annotations

import base64
import json

import pytest
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.validation.compare import differing_rows, keys_of_tables, known_contents, rows_of_tables
from pyinfra_pgmigrate.validation.data import Rows, Some

from tests.support.contents import RUN
from tests.support.psql_scripts import is_balanced, value_of

READING = read_sql("psql/reading_only").rstrip("\n")


def told(*lines: str) -> Answer:
    """Returns the answer of explain.sh: number, kind, count and keys of the first rows, with tabs between."""
    text = "".join(f"{line}\n" for line in lines)
    return Answer(0, (("rows", base64.b64encode(text.encode()).decode()),))


@pytest.mark.parametrize(
    ("script", "file"),
    [
        (known_contents({}, RUN, "stage"), "backup/contents"),
        (keys_of_tables([], RUN, "stage"), "validation/keys"),
        (rows_of_tables([], RUN, "stage"), "validation/rows"),
    ],
)
def test_a_session_that_compares_cannot_write(script: str, file: str) -> None:
    assert script.index(READING) < script.index(read_sql(file).rstrip("\n"))
    assert value_of(script, "schema") == "stage"
    assert is_balanced(script)


def test_columns_that_count_are_given_by_table_and_none_means_all() -> None:
    script = known_contents({'public."it\'s"': ('"a b"', "ä"), "public.b": None}, RUN, "public")

    assert json.loads(value_of(script, "known")) == {'public."it\'s"': ['"a b"', "ä"], "public.b": None}


def test_tables_are_named_as_the_files_read_them() -> None:
    asked = [(0, "public.a", ("id", "n"), ("id",)), (1, 'public."b\\"', ("n",), ())]

    assert json.loads(value_of(keys_of_tables(["public.a"], RUN, "public"), "tables")) == ["public.a"]
    assert json.loads(value_of(rows_of_tables(asked, RUN, "public"), "tables")) == [
        [0, "public.a", ["id", "n"], ["id"]],
        [1, 'public."b\\"', ["n"], []],
    ]


def test_rows_that_differ_are_named_by_their_keys() -> None:
    answer = told(
        '0\tdeleted\t7\t["1", "a"]\t["2", "b, c"]',
        '0\tchanged\t1\t["3", null]',
        '1\tinserted\t2\t["9f3c", 1]\t["9f3c", 2]',
    )

    keyed, bare, same = differing_rows(answer, [("id", "name"), (), ("id",)])

    assert keyed == Rows(("id", "name"), deleted=Some(7, ("1, a", "2, b, c")), changed=Some(1, ("3, None",)))
    # Hashes name no row to anybody.
    assert bare == Rows((), inserted=Some(2))
    assert not same
    assert (keyed.deleted.told("deleted"), same.key) == ("7 deleted (1, a, 2, b, c, ...)", ("id",))


def test_where_none_differs_each_table_is_the_same() -> None:
    assert differing_rows(told(), [("id",), ()]) == [Rows(("id",)), Rows()]
    assert differing_rows(Answer(0), [()]) == [Rows()]


@pytest.mark.parametrize("line", ["0", "0\tdeleted", "0\tdeleted\tmany", '0\tdeleted\t1\t["cut', "x\tdeleted\t1"])
def test_a_line_that_cannot_be_read_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (what whoever reads it waits for)
        differing_rows(told(line), [("id",)])


@pytest.mark.parametrize("number", ["1", "-1"])
def test_a_line_of_a_table_that_was_not_asked_about_is_an_error(number: str) -> None:
    with pytest.raises(ValueError, match=f"table {number}, of 1"):
        differing_rows(told(f"{number}\tdeleted\t1"), [("id",)])
