"""How names and kinds of catalog lines are written in SQL."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.names import WORDS, bare, literal, name_of, place_of, without_arguments, words
from pyinfra_pgmigrate.sqltext.parser import node_of, split


def test_each_kind_is_written_as_the_grammar_has_it() -> None:
    for kind, word in WORDS.items():
        name = {"aggregate": "f(integer)", "cast": "(text AS mood)", "operator": "+(integer, integer)"}.get(kind, "x")
        (statement,) = split(f"DROP {word} {name}")
        assert statement.node == "drop_stmt", kind


def test_a_line_names_its_object_and_the_place_of_a_part() -> None:
    assert name_of('function s."Rate (new)"(uuid, date) (a uuid, b date) returns text') == 's."Rate (new)"(uuid, date)'
    assert place_of('column s."a.b"."Odd Name" integer') == ('s."a.b"', '"Odd Name"')
    assert place_of("table t") == ("", "t")


@pytest.mark.parametrize("text", ["plain", "it's", "''", 'a"b'])
def test_a_literal_holds_any_text(text: str) -> None:
    (statement,) = split(f"SELECT {literal(text)}")

    assert node_of(statement).target_list[0].res_target.val.a_const.sval.sval == text


@pytest.mark.parametrize(("name", "expected"), [("plain", "plain"), ('"Odd Name"', "Odd Name"), ('"a""b"', 'a"b')])
def test_a_bare_name_has_no_quotes(name: str, expected: str) -> None:
    assert bare(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("f(integer)", "f"), ("s.f()", "s.f"), ('"f(x)"("T (y)", text)', '"f(x)"'), ("f", "f"), ('"f(x)"', '"f(x)"')],
)
def test_a_function_has_a_name_without_its_arguments(name: str, expected: str) -> None:
    assert without_arguments(name) == expected


def test_the_key_of_a_setting_has_three_parts() -> None:
    assert words('table_setting s."Odd Name" toast.fillfactor') == ("table_setting", 's."Odd Name"', "toast.fillfactor")
