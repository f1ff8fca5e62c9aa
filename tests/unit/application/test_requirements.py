"""What a file of the application needs, as its header says it, against the catalog of a database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyinfra_pgmigrate.application.requirements import lacking, not_applicable, read_requirements
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.registry.model import Observed, Registry, Server

LINES = (
    "table projects",
    "table billing.invoices",
    'table "Order Notes"',
    "column projects.name text not null",
    'column "Order Notes"."Line, No" bigint not null',
    'column billing.invoices."date" date',
    "view totals as SELECT 1",
    "materialized_view sums as SELECT 1",
    "function rate(character varying, numeric[]) (a character varying, b numeric[]) returns numeric language sql as x",
    'function "Rate"() () returns numeric language sql as x',
    "procedure tidy() () language sql as x",
    "aggregate longest(text) (text) returns text sfunc f stype text",
    "type mood enum ('a')",
    "extension pgcrypto",
    "owner table projects me",
)


def seen(*lines: str, registry: Registry | None = None, damaged: tuple[str, ...] = ()) -> Observed:
    server = Server("18.4", 180004, "d", "me", False, True, 0, 0, None, True, frozenset(), True, True, True)
    return Observed(server, registry, Catalog.of(lines), damaged=damaged)


def lacks(header: str, found: Observed) -> list[str]:
    return [str(one) for one in lacking(read_requirements("", header, source="x.sql"), found)]


@pytest.mark.parametrize(
    "header",
    [
        "table projects",
        'table PROJECTS, table "projects"',
        "table billing.invoices",
        'table "Order Notes"',
        "column projects.name",
        'column "Order Notes"."Line, No", table projects',
        "column billing.invoices.date",
        "view totals, view sums",
        "function rate",
        "function rate(varchar, numeric[])",
        "function rate( character  varying,numeric[] )",
        'function "Rate"()',
        "function tidy(), function longest(text)",
        "type mood, extension pgcrypto",
    ],
)
def test_what_is_there_is_found_however_it_is_written(header: str) -> None:
    assert lacks(header, seen(*LINES)) == []


@pytest.mark.parametrize(
    "header",
    [
        "table project",
        "table totals",
        "table order.notes",
        'table "order notes"',
        "column projects.title",
        "column invoices.date",
        "view projects",
        "function rate()",
        "function rate(character varying)",
        "function Rate(integer)",
        "function RATED",
        "type pgcrypto",
    ],
)
def test_what_is_not_there_is_named_as_the_header_has_it(header: str) -> None:
    assert lacks(f"table projects, {header}", seen(*LINES)) == [header]


def test_what_was_there_before_the_first_migration_is_not_passed_over() -> None:
    gone = frozenset(
        {"function rate(integer) (a integer) returns numeric language sql as x", "grant table sums me SELECT"}
    )
    after = seen("table projects", registry=Registry(5, gone_since_first=gone))

    assert lacks("function rate(int)", after) == []
    assert lacks("function rate", after) == []
    assert lacks("function rate(bigint), view sums", after) == ["function rate(bigint)", "view sums"]
    # Of several, one that never was there is enough.
    assert lacks("function rate, table nowhere", after) == ["table nowhere"]


def test_where_nobody_knows_what_was_there_a_file_is_asked() -> None:
    assert lacks("table nowhere", seen("table projects", registry=Registry(5, gone_since_first=None))) == []
    assert lacks("table nowhere", seen("table projects", damaged=("catalogs",))) == []


def test_the_line_for_people_names_the_first() -> None:
    (one,) = lacking(read_requirements("", "function f(int, text)", source="x.sql"), seen())

    assert not_applicable("totals/x.sql", [one]) == "totals/x.sql: not applicable here: no function f(int, text)"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("projects", "projects"),
        ("index projects_pkey", "index projects_pkey"),
        ("table", "table"),
        ("table a b", "table a b"),
        ("table projects,", ""),
        ("table projects,, table b", ""),
        ("column projects", "column projects"),
        ("column a.b.c.d", "column a.b.c.d"),
        ("table a.b.c", "table a.b.c"),
        ("table projects(id)", "table projects(id)"),
        ("function f(", "function f("),
        ("function f(int) returns text", "function f(int) returns text"),
        ('table "projects', 'table "projects'),
        ("extension a.b", "extension a.b"),
        ("table 1a", "table 1a"),
    ],
)
def test_a_word_of_another_form_is_refused_with_file_and_line(header: str, found: str) -> None:
    text = f"-- purpose: x\n-- requires: {header}\n\nSELECT 1;\n"

    with pytest.raises(PgMigrateError, match=r"could not read header of x\.sql, line 2") as caught:
        read_requirements(text, header, source="x.sql")

    assert f'Found requires "{found}"; expected "table NAME"' in str(caught.value)


def test_the_line_is_that_of_the_word() -> None:
    text = "-- purpose: x\n-- requires: table a,\n--     tables b\n\nSELECT 1;\n"

    with pytest.raises(PgMigrateError, match=r"x\.sql, line 3"):
        read_requirements(text, "table a, tables b", source="x.sql")


def test_the_example_in_the_guide_is_the_header_of_a_shipped_file() -> None:
    root = Path(__file__).parents[3]
    guide = (root / "docs" / "guides" / "validation.md").read_text()
    (example,) = re.findall(r"```sql\n(-- requires.*?)```", guide, re.DOTALL)

    assert example in (root / "sql" / "totals" / "project_rates.sql").read_text()


def test_a_text_without_the_key_has_no_line_to_name() -> None:
    with pytest.raises(PgMigrateError, match=r"could not read header of x\.sql\n"):
        read_requirements("SELECT 1;", "index i", source="x.sql")
