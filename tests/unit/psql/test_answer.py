"""What a command printed, as values."""

from __future__ import annotations

import base64
import json

import pytest
from pyinfra_pgmigrate.psql.answer import MARK, Answer, Unreadable, read_answer
from pyinfra_pgmigrate.psql.question import unread


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# As psql 18 prints it with \\set VERBOSITY verbose.
FAILED = """psql:/tmp/x/script.sql:42: ERROR:  23505: duplicate key value violates unique constraint "one_name"
DETAIL:  Key (name)=(a) already exists.
SCHEMA NAME:  public
TABLE NAME:  groups
CONSTRAINT NAME:  one_name
LOCATION:  _bt_check_unique, nbtinsert.c:666
"""


def test_lines_of_ours_are_read_and_all_others_passed_over() -> None:
    output = [
        "Password:",
        f"{MARK} table {encoded(['a', 1])}",
        "SELECT 1",
        f"{MARK} table {encoded(None)}",
        f"{MARK} exit 0",
    ]

    found = read_answer(output)

    assert (found.status, found.errors) == (0, "")
    assert found.values("table") == [["a", 1], None]
    assert found.value("table") == ["a", 1]
    assert found.value("other") is None


def test_without_an_end_nothing_is_known() -> None:
    assert read_answer([f"{MARK} table {encoded(1)}"]).status is None


def test_error_output_comes_back_whatever_its_encoding() -> None:
    errors = base64.b64encode(b"psql: \xff\n").decode()

    assert read_answer([f"{MARK} errors {errors}", f"{MARK} exit 2"]).errors == "psql: \ufffd\n"


@pytest.mark.parametrize(
    "line", [f"{MARK} table no-base64", f"{MARK} exit one", f"{MARK} table", f"{MARK} table e30="[:-2]]
)
def test_a_line_of_ours_that_was_cut_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (what whoever reads the answer waits for)
        read_answer([line])


def test_a_text_within_a_line_is_read_without_the_space_around_it() -> None:
    answer = Answer(0, (("problem", in_base64(" no room left\n")),))

    assert answer.text("problem") == "no room left"
    assert answer.text("other") == ""


def test_the_error_that_ended_a_script_is_read_in_the_words_of_the_server() -> None:
    answer = Answer(3, (), FAILED)

    assert answer.sqlstate == "23505"
    assert answer.line == int(FAILED.partition(":")[2].split(":")[1])
    assert answer.message == (
        'duplicate key value violates unique constraint "one_name" DETAIL:  Key (name)=(a) already exists.'
    )


@pytest.mark.parametrize("sqlstate", ["01000", "25P01"])
def test_warnings_before_the_error_are_no_part_of_it(sqlstate: str) -> None:
    # RAISE WARNING in a migration; the error that ends the script is the last that the server says.
    warning = f"psql:/tmp/x/script.sql:7: WARNING:  {sqlstate}: careful\nLOCATION:  exec_stmt_raise, pl_exec.c:3901\n"
    found = Answer(3, (), warning + FAILED)

    assert (found.sqlstate, found.message) == (Answer(3, (), FAILED).sqlstate, Answer(3, (), FAILED).message)


def test_what_psql_says_itself_has_no_sqlstate() -> None:
    answer = Answer(2, (), 'psql: error: connection to server failed: FATAL:  role "a" does not exist\n')

    assert answer.sqlstate == ""
    assert answer.message == 'connection to server failed: FATAL:  role "a" does not exist'


def test_where_nobody_said_anything_that_is_said() -> None:
    assert unread(Answer(None)) == "no answer"
    assert unread(Answer(3, (), FAILED)) == Answer(3, (), FAILED).message
    assert Unreadable(3, "23505", "x") == Unreadable(3, "23505", "x")
