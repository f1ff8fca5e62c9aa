from __future__ import annotations

from random import Random

import pytest
from pyinfra_pgmigrate.catalog.lines import (
    Catalog,
    Patch,
    definition_of,
    escaped,
    is_own,
    key_of,
    like_pattern,
    matches,
    qualified,
    unescaped,
    without_invalid,
)


@pytest.mark.parametrize(
    ("line", "key", "definition"),
    [
        ("table projects", "table projects", ""),
        ("column projects.name text not null", "column projects.name", "text not null"),
        ('column "my table"."my col" text', 'column "my table"."my col"', "text"),
        ('column t."a ""quoted"" b" integer', 'column t."a ""quoted"" b"', "integer"),
        ("function rate(uuid, date) (p uuid, d date) returns numeric", "function rate(uuid, date)", "(p uuid, d date) returns numeric"),
        ('owner table projects "the owner"', "table projects", '"the owner"'),
        ("grant column projects.name app SELECT", "column projects.name", "app SELECT"),
        ("comment function rate(uuid, date) 'text'", "function rate(uuid, date)", "'text'"),
    ],
)  # fmt: skip
def test_a_line_has_a_key_and_a_definition(line: str, key: str, definition: str) -> None:
    assert key_of(line) == key
    assert definition_of(line) == definition


def test_own_lines_are_those_of_one_database() -> None:
    assert [kind for kind in ("owner", "grant", "comment", "definition", "table") if is_own(f"{kind} table t x")] == [
        "owner", "grant", "comment", "definition",
    ]  # fmt: skip


def test_only_an_index_is_invalid() -> None:
    assert (
        without_invalid("index i CREATE INDEX i ON t USING btree (a) INVALID")
        == "index i CREATE INDEX i ON t USING btree (a)"
    )
    assert without_invalid("comment table t 'is INVALID") == "comment table t 'is INVALID"


def test_patches_in_a_row_are_one_patch() -> None:
    first = Patch(minus=frozenset({"a"}), plus=frozenset({"b"}))
    second = Patch(minus=frozenset({"b"}), plus=frozenset({"a", "c"}))

    assert first.then(second) == Patch(plus=frozenset({"c"}))
    assert Catalog.of("ax").patched(first).patched(second) == Catalog.of("ax").patched(first.then(second))


def test_a_difference_is_the_patch_that_leads_there() -> None:
    before, after = Catalog.of(["table a", "table b"]), Catalog.of(["table b", "table c"])

    patch = before.difference(after)

    assert patch.render() == ["- table a", "+ table c"]
    assert before.patched(patch) == after


def test_owners_are_found_by_key() -> None:
    assert Catalog.of(['owner table t "an owner"', "table t"]).owners == {"table t": '"an owner"'}


@pytest.mark.parametrize(
    ("pattern", "line", "fits"),
    [
        ("constraint t.* UNIQUE (a)", "constraint t.x UNIQUE (a)", True),
        ("constraint t.* UNIQUE (a)", "constraint t.x UNIQUE (a, b)", False),
        ("index * (a)*", "index i CREATE INDEX i ON t (a) WHERE b", True),
        ("100%_\\", "100%_\\", True),
        ("a_c", "abc", False),
        ("[ab]", "a", False),
    ],
)
def test_only_a_star_stands_for_other_text(pattern: str, line: str, fits: bool) -> None:
    assert matches(line, pattern) is fits
    if "*" not in pattern:
        assert like_pattern(pattern).replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == pattern


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\nb", r"a\nb"), ("a\\nb", r"a\\nb"), ("\r\t", r"\r\t"), ("\x1b[2J", r"\u001b[2J"), ("\u202e\ufeff", r"\u202e\ufeff"), ("plain ü", "plain ü")],
)  # fmt: skip
def test_no_character_ends_a_line_or_moves_the_text_and_none_is_lost(text: str, line: str) -> None:
    assert escaped(text) == line
    assert unescaped(line) == text


@pytest.mark.parametrize(
    ("ident", "schema", "expected"),
    [("t", "public", '"public".t'), ('"a.b"', 'my "s"', '"my ""s""".\"a.b\"'), ("s.t", "public", "s.t")],
)  # fmt: skip
def test_a_relation_without_a_schema_is_in_the_target_schema(ident: str, schema: str, expected: str) -> None:
    assert qualified(ident, schema) == expected


def test_a_key_ends_where_it_does_read_character_by_character() -> None:
    random = Random(7)
    for _ in range(5000):
        line = "kind " + "".join(random.choices(' "()ab.', k=random.randint(1, 12)))
        depth, is_quoted, end = 0, False, len(line)
        for place in range(5, len(line)):
            character = line[place]
            is_quoted ^= character == '"'
            if not is_quoted:
                depth += {"(": 1, ")": -1}.get(character, 0)
            if character == " " and depth == 0 and not is_quoted:
                end = place
                break

        assert key_of(line) == line[:end], line
