"""Scripts as text: what psql reads of them is what was put in."""

from __future__ import annotations

import json

import pytest
from pyinfra_pgmigrate.catalog.lines import LINES_VERSION
from pyinfra_pgmigrate.catalog.queries import catalog_query
from pyinfra_pgmigrate.psql.script import (
    Run,
    catalog_session_of,
    flag,
    items,
    joined,
    prepared,
    seen_from_schema,
    session_name,
    session_of,
    setting,
    settings_of,
)
from pyinfra_pgmigrate.resources import read_sql

from tests.support.contents import RUN
from tests.support.psql_scripts import is_balanced, value_of, variables

EVIL = [
    "it's",
    "a\\b",
    "\\'; DROP TABLE projects; --",
    "one\ntwo\r\nthree",
    "\\n is no line end",
    ":variable :'quoted' :\"named\" `id`",
    "ä \u2028 \U0001f600",
    "",
    "'",
    "''\\''",
]


@pytest.mark.parametrize("value", EVIL)
def test_a_variable_holds_what_it_was_given(value: str) -> None:
    text = setting("name", value)

    assert variables(text) == [("name", value)]
    assert "\n" not in text
    assert "\r" not in text


def test_variables_are_set_one_a_line_in_order() -> None:
    text = settings_of({"b": 1, "a": "x\ny", "c": 0.5})

    assert variables(text) == [("b", "1"), ("a", "x\ny"), ("c", "0.5")]
    assert len(text.splitlines()) == 3


def test_a_truth_value_is_read_by_psql_and_by_sql() -> None:
    assert (flag(True), flag(False)) == ("true", "false")


@pytest.mark.parametrize("value", EVIL)
def test_a_list_is_json_that_a_variable_can_hold(value: str) -> None:
    assert json.loads(value_of(setting("list", items([value, [value, 1]])), "list")) == [value, [value, 1]]


def test_a_list_may_come_from_what_can_be_read_once() -> None:
    assert items(number for number in (1, 2)) == "[1, 2]"


def test_a_session_is_named_after_its_run_and_purpose() -> None:
    run = Run("12345678-9abc-4000-8000-000000000000", "me", "here", "@local", "1.0")

    assert session_name(run, "observe") == "pgmigrate 12345678 observe"


def test_a_name_of_a_session_is_no_longer_than_the_server_keeps() -> None:
    # NAMEDATALEN - 1: what is longer is cut with a NOTICE.
    name = session_name(RUN, "042_a_migration_with_a_name_that_goes_on_and_on_and_on")

    assert len(name) == 63
    assert name.startswith("pgmigrate 00000000 042_a_migration_with")


def test_a_session_knows_schema_run_and_form_of_lines_before_its_first_statement() -> None:
    script = joined(session_of(RUN, 'sta"ge', "observe"))
    before = script[: script.index(read_sql("psql/session").rstrip("\n"))]

    assert dict(variables(before)) == {
        "application_name": "pgmigrate 00000000 observe",
        "schema": 'sta"ge',
        "run_id": RUN.run_id,
        "lines_version": str(LINES_VERSION),
        "stale_s": "10.0",
        "scope": "",
        "further": "[]",
    }
    assert is_balanced(script)


def test_a_session_that_reads_the_catalog_prepares_the_lines_and_their_fingerprint() -> None:
    script = joined(catalog_session_of(RUN, "public", "x"))
    text = value_of(script, "read_prepared")

    assert text.startswith("PREPARE pgmigrate_read (text, boolean) AS\n")
    assert read_sql("catalog/fingerprint").rstrip("\n") in text
    assert catalog_query("IS NOT NULL", "NULLIF(:'scope', '')").rstrip("\n") in text
    # Neither file ends the statement that they are part of.
    assert text.rstrip().endswith(";")
    assert ";" not in read_sql("catalog/fingerprint").rstrip().split("\n")[-1]
    # It is known what is there before it is prepared.
    assert script.index("EXECUTE pgmigrate_rare") < script.index("\\set catalog_text")


def test_what_is_seen_from_the_schema_stands_between_two_paths() -> None:
    first, *parts, last = seen_from_schema("SELECT 1;", "SELECT 2;")

    assert ':"schema"' in first
    assert parts == ["SELECT 1;", "SELECT 2;"]
    assert last == "SET search_path = pg_catalog, pg_temp;"


def test_parts_are_joined_without_empty_lines_between() -> None:
    assert joined(["a\n\n", "b", "c\n"]) == "a\nb\nc\n"


def test_a_script_of_one_file_says_who_runs_it() -> None:
    script = prepared(RUN, "stage", "backup/progress", label="it's", is_quiet=True, is_last=False, count=0)

    found = dict(variables(script))
    assert (found["label"], found["is_quiet"], found["is_last"], found["count"]) == ("it's", "true", "false", "0")
    assert (found["operator"], found["controller"], found["tool_version"]) == ("tester", "here", "0")
    assert found["application_name"] == "pgmigrate 00000000 progress"
    assert script.endswith(read_sql("backup/progress").rstrip("\n") + "\n")
