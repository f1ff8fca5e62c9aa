"""What is in a database, as scripts ask and backups hold it."""

from __future__ import annotations

import json

import pytest
from pyinfra_pgmigrate.application.totals import Answers, Total
from pyinfra_pgmigrate.backup.contents import (
    Contents,
    about_script,
    contents_of,
    contents_script,
    dump_script,
    identifiers,
    read_contents,
)
from pyinfra_pgmigrate.catalog.lines import LINES_VERSION, Catalog
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.resources import read_sql

from tests.support.contents import RUN

ABOUT = {
    "large_objects": 2,
    "applied": [[1, "abc"], [2, "def"]],
    "applied_in": {"t": [[1, "abc"]]},
    "schema": "public",
    "properties": {"owner": "me", "encoding": "UTF8"},
}
CONTENTS = Contents(
    tables={'public."Odd Name"': (3, "123"), "public.t": (0, "0")},
    large_objects=2,
    catalog=Catalog.of(["table t", 'table "Odd Name"']),
    applied=((1, "abc"), (2, "def")),
    properties={"owner": "me", "encoding": "UTF8"},
    totals={"cost": Answers(1, "9", {"p1": "5.00"})},
    schema="public",
    applied_in={"t": ((1, "abc"),)},
)


def test_an_answer_tells_tables_catalog_and_totals() -> None:
    lines = (
        ("database", ABOUT),
        ("catalog", ["table t", 'table "Odd Name"']),
        ("table", ['public."Odd Name"', 3, "123"]),
        ("table", ["public.t", 0, "0"]),
        ("total", ["cost", {"count": 1, "digest": "9", "values": [["p1", "5.00"]], "problem": ""}]),
    )

    assert contents_of(Answer(0, lines)) == CONTENTS


def test_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer"):
        contents_of(Answer(2, (), "connection refused"))


def test_contents_are_read_as_they_were_written() -> None:
    text, catalog = CONTENTS.text(), json.dumps(sorted(CONTENTS.catalog.lines))

    assert "\n" not in text
    assert read_contents(text, catalog) == CONTENTS


def test_of_an_earlier_version_there_are_no_totals_and_lines_of_the_first_form() -> None:
    values = json.loads(CONTENTS.text())
    del values["totals"], values["lines_version"]

    found = read_contents(json.dumps(values), "[]")

    assert (found.totals, found.lines_version) == ({}, 1)
    assert CONTENTS.lines_version == LINES_VERSION


@pytest.mark.parametrize(
    ("contents", "catalog"),
    [
        ("{", "[]"),
        ("{}", "[]"),
        ("[]", "[]"),
        ("[" * 100_000, "[]"),
        (CONTENTS.text(), "no JSON"),
        (CONTENTS.text().replace('"123"', '"123", 4'), "[]"),
        (CONTENTS.text().replace('"large_objects"', '"small_objects"'), "[]"),
        (CONTENTS.text().replace('[2, "def"]', "2"), "[]"),
        (CONTENTS.text().replace('"problem": ""', '"trouble": ""'), "[]"),
    ],
)
def test_damaged_contents_are_refused(contents: str, catalog: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_contents(contents, catalog)


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ("public.t", ("public", "t")),
        ('"My ""S"" x"."a.b"', ('My "S" x', "a.b")),
        ('public."Two Words"', ("public", "Two Words")),
    ],
)
def test_a_table_has_a_schema_and_a_name(ident: str, expected: tuple[str, str]) -> None:
    assert identifiers(ident) == expected


class TestScripts:
    def test_a_dump_asks_all_within_the_snapshot_that_pg_dump_gets(self) -> None:
        total = Total("cost", "what it costs", "SELECT id, cost FROM t")

        text = dump_script(RUN, "stage", [total])

        parts = ["backup/snapshot", "backup/about", "backup/contents", "application/totals", "backup/snapshot_end"]
        places = [text.index(read_sql(one).strip()) for one in parts]
        assert places == sorted(places)
        assert "\\set query 'SELECT id, cost FROM t'" in text
        # All columns of all tables.
        assert "\\set known ''" in text

    @pytest.mark.parametrize("script", [contents_script, about_script])
    def test_what_only_looks_cannot_write(self, script: type) -> None:
        text = script(RUN, "stage")

        begun = text.index("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        assert begun < text.index(read_sql("backup/about").strip())
        assert text.endswith("ROLLBACK;\n")

    def test_what_a_backup_says_of_a_database_takes_no_look_at_its_rows(self) -> None:
        assert read_sql("backup/contents").strip() in contents_script(RUN, "stage")
        assert read_sql("backup/contents").strip() not in about_script(RUN, "stage")
