"""What the structure cannot do: the question, and how its answer is read."""

from __future__ import annotations

import json

from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.registry.model import Verified
from pyinfra_pgmigrate.validation.checks import Added
from pyinfra_pgmigrate.validation.warnings import warnings

from tests.support.contents import RUN
from tests.support.psql_scripts import in_transactions, is_balanced, value_of, values_of

ADDED = Added(
    ("project_variants", '"it\'s"'),
    (("project_roles", "variant_name", "001_add_variant_columns"),),
    (('"project_roles"', "2026-01-01T00:00:00Z"),),
)


def test_what_was_made_is_given_as_warnings_sql_reads_it() -> None:
    script = warnings(ADDED, RUN, "stage", {}).script

    assert json.loads(value_of(script, "added_tables")) == ["project_variants", '"it\'s"']
    assert json.loads(value_of(script, "added_columns")) == [
        ["project_roles", "variant_name", "001_add_variant_columns"]
    ]
    assert json.loads(value_of(script, "built")) == [['"project_roles"', "2026-01-01T00:00:00Z"]]
    assert value_of(script, "schema") == "stage"


def test_nothing_is_changed() -> None:
    script = warnings(Added((), (), ()), RUN, "public", {3: "SELECT 1"}).script

    assert "READ ONLY;" in script
    assert "COMMIT" not in script
    assert is_balanced(script)
    *_, (_, inside) = in_transactions(script)
    assert not inside


def test_findings_are_read_and_no_answer_is_none() -> None:
    told = [["valid indexes", "index a", "INVALID", "a valid index"]]
    question = warnings(ADDED, RUN, "public", {})
    read = ("valid indexes", "index a", "INVALID", "a valid index")

    assert question.read(Answer(0, (("warnings", told),))) == ([read], {})
    assert question.read(Answer(0, (("warnings", []),))) == ([], {})
    assert question.read(Answer(3)) == (None, {})


def test_verify_queries_come_after_them_and_those_that_were_answered_are_read() -> None:
    question = warnings(ADDED, RUN, "public", {3: "SELECT 'three'", 4: "SELECT 4"})

    assert values_of(question.script, "version") == ["3", "4"]
    assert question.script.index("pgmigrate_warnings") < question.script.index("SELECT ''three''")
    answer = Answer(3, (("warnings", []), ("verified", {"version": 3, "count": 0})))
    assert question.read(answer) == ([], {3: Verified(count=0)})
