"""The one fact of the library, given what a host printed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pyinfra.api.exceptions import FactProcessError
from pyinfra_pgmigrate.host.fact import Answered, HiddenLines, Request
from pyinfra_pgmigrate.psql.answer import MARK, Answer
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.settings import Connection, Secret

COMMAND = psql_command("SELECT 'secret rows';", Connection("shop", password=Secret("hush")))


def request(read: Any = lambda answer: answer.value("word")) -> Request:
    return Request("look", COMMAND, read)


def printed(*values: Any) -> list[str]:
    lines = [f"{MARK} word {base64.b64encode(json.dumps(value).encode()).decode()}" for value in values]
    return ["a notice of others", *lines, f"{MARK} exit 0"]


def process(output: list[str], read: Any = lambda answer: answer.value("word")) -> Any:
    fact = Answered()
    fact.command(request(read))
    return fact.process(output)


def test_the_command_is_that_of_the_request() -> None:
    assert str(Answered().command(request())) == COMMAND.line


def test_what_pyinfra_may_print_of_a_request_holds_neither_password_nor_script() -> None:
    for shown in (repr(request()), str(request().stdin), repr(request().stdin), f"{request().stdin}"):
        assert "hush" not in shown
        assert "secret rows" not in shown
    assert "look" in repr(request())


def test_the_command_is_given_all_of_its_lines() -> None:
    found = request().stdin

    assert isinstance(found, HiddenLines)
    assert list(found) == ["hush", "SELECT 'secret rows';\n"]


def test_the_value_is_what_the_reader_makes_of_the_answer() -> None:
    assert process(printed({"a": 1})) == {"a": 1}
    assert process(printed(1, 2), lambda answer: answer.values("word")) == [1, 2]


def test_an_answer_without_an_end_is_the_readers_to_judge() -> None:
    seen: list[Answer] = []

    assert process(["nothing of ours"], seen.append) is None
    assert seen == [Answer(None)]


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), TypeError("odd")])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_fact(error: Exception) -> None:
    def read(_: Answer) -> None:
        raise error

    with pytest.raises(FactProcessError, match=r"could not read the answer of the host: .*odd"):
        process(printed(1), read)


@pytest.mark.parametrize("line", [f"{MARK} word no base64!", f"{MARK} word e30", f"{MARK} exit soon"])
def test_a_line_that_was_damaged_on_its_way_is_an_error_of_the_fact(line: str) -> None:
    with pytest.raises(FactProcessError):
        process([line])


def test_a_program_that_could_not_run_leaves_nothing_known() -> None:
    assert Answered.default() is None
