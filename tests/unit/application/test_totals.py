"""Totals of the business: their files, and two answers compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.application.totals import (
    MOST_SHOWN,
    Answers,
    Change,
    Total,
    answers_of,
    are_equal,
    as_json,
    ask_totals,
    changes,
    described,
    load_totals,
    totals_of,
)
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.resources import read_sql

from tests.support.contents import RUN
from tests.support.servers import SQL

# As totals.sql prints it.
TOLD = {"count": 2, "digest": "-7", "values": [["p2", "6.00"], ["p1", "5.00"]], "problem": ""}
ANSWERS = Answers(2, "-7", {"p1": "5.00", "p2": "6.00"})


class TestFiles:
    def write(self, folder: Path, text: str) -> Path:
        (folder / "totals").mkdir()
        (folder / "totals" / "one.sql").write_text(text)
        return folder

    def test_a_folder_without_them_has_none(self, tmp_path: Path) -> None:
        assert load_totals(tmp_path) == ()

    def test_the_shipped_one_says_what_it_needs(self) -> None:
        (found,) = load_totals(SQL)

        assert (found.name, found.path) == ("project_rates", "totals/project_rates.sql")
        assert found.query.startswith("SELECT")
        assert not found.query.endswith(";")
        assert [one.kind for one in found.requires] == ["function", *["column"] * 5]

    def test_a_comment_is_no_part_of_the_query(self, tmp_path: Path) -> None:
        (found,) = load_totals(self.write(tmp_path, "-- purpose: p\n\n-- it\nSELECT 1, 2; -- so\n"))

        assert found == Total("one", "p", "SELECT 1, 2")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("-- purpose: p\n", r"cannot use one\.sql: it is not one SELECT\nDETAIL: Found 0 statement"),
            ("-- purpose: p\n\nSELECT 1, 2; SELECT 3, 4;", r"Found 2 statement\(s\); expected one SELECT"),
            ("-- purpose: p\n\nDELETE FROM t RETURNING 1, 2;", r"one\.sql: it is not one SELECT"),
            ("-- purpose: p\n-- until: 002\n\nSELECT 1, 2;", r'one\.sql\nDETAIL: Found the key "until"'),
            ("SELECT 1, 2;", "Found no purpose"),
            ("-- purpose: p\n-- requires: index i\n\nSELECT 1, 2;", r"one\.sql, line 2"),
        ],
    )
    def test_one_that_breaks_a_rule_is_refused_by_name(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(PgMigrateError, match=message) as caught:
            load_totals(self.write(tmp_path, text))
        assert caught.value.refusal.kind is Kind.FILE


class TestAnswers:
    def test_are_read_by_name(self) -> None:
        assert totals_of(Answer(0, (("total", ["cost", TOLD]), ("other", 1)))) == {"cost": ANSWERS}

    def test_are_written_as_they_are_read(self) -> None:
        for one in (ANSWERS, Answers(20000, "9"), Answers(problem="no (SQLSTATE 42P01)")):
            assert answers_of(as_json(one)) == one
        assert as_json(ANSWERS)["values"] == [("p1", "5.00"), ("p2", "6.00")]

    def test_two_rows_of_one_key_are_a_problem(self) -> None:
        found = answers_of({**TOLD, "values": [["p1", "5.00"], ["p1", "6.00"]]})

        assert found.problem == "it answers 2 rows for 1 keys; expected one row a key"

    @pytest.mark.parametrize("found", [{}, {**TOLD, "values": 1}, {"count": 1}])
    def test_that_are_none_raise(self, found: dict[str, object]) -> None:
        with pytest.raises((KeyError, TypeError)):
            answers_of(found)


class TestComparison:
    AFTER = Answers(2, "8", {"p1": "5.00", "p3": "7.00"})

    def test_a_key_may_change_come_and_go(self) -> None:
        assert changes(ANSWERS, self.AFTER) == [Change("p2", "6.00", None), Change("p3", None, "7.00")]
        assert described(ANSWERS, self.AFTER) == (
            "2 of 3 keys: p2: 6.00 before, missing after; p3: missing before, 7.00 after"
        )

    def test_the_first_keys_are_named_and_the_others_counted(self) -> None:
        many = {f"p{number}": "1" for number in range(MOST_SHOWN + 2)}

        found = described(Answers(7, "1", many), Answers(7, "2", dict.fromkeys(many, "2")))

        assert found.startswith("7 of 7 keys: p0: 1 before, 2 after; ")
        assert found.endswith("p4: 1 before, 2 after; and 2 more")

    def test_values_that_were_not_kept_cannot_be_named(self) -> None:
        found = described(Answers(20000, "1"), Answers(20001, "2"))

        assert found == "other values, too many keys to name them (20000 keys before, 20001 after)"
        assert changes(Answers(20000, "1"), ANSWERS) == []

    @pytest.mark.parametrize(
        ("other", "equal"),
        [(ANSWERS, True), (Answers(2, "-7"), True), (Answers(2, "8"), False), (Answers(3, "-7"), False)],
    )
    def test_number_and_hash_decide(self, other: Answers, equal: bool) -> None:
        assert are_equal(ANSWERS, other) is equal


def test_totals_are_asked_where_they_cannot_write() -> None:
    totals = (Total("a", "p", "SELECT 1, 'it''s'"), Total("b", "p", "SELECT 2, 3"))
    question = ask_totals(totals, RUN, "stage")

    assert question.script.count(read_sql("application/totals").strip()) == 2
    begun, first = question.script.index("BEGIN TRANSACTION READ ONLY;"), question.script.index("\\set total 'a'")
    assert begun < first < question.script.index("\\set total 'b'")
    assert question.script.endswith("ROLLBACK;\n")
    assert question.read(Answer(0, (("total", ["a", TOLD]),))) == {"a": ANSWERS}
