"""What the application does, as files: read, and tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyinfra_pgmigrate.application.compatibility import Use, load_uses, try_uses
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.psql.answer import Answer
from pyinfra_pgmigrate.resources import read_sql

from tests.support.contents import RUN
from tests.support.servers import SQL


class TestFiles:
    def write(self, folder: Path, text: str) -> Path:
        (folder / "compatibility").mkdir()
        (folder / "compatibility" / "one.sql").write_text(text)
        return folder

    def test_the_shipped_ones_are_read_by_name(self) -> None:
        found = {one.name: one for one in load_uses(SQL)}

        assert list(found) == sorted(path.stem for path in (SQL / "compatibility").iterdir())
        assert found["upsert_group"].until == 6
        assert found["read_groups_prepared"].is_held
        assert all(one.purpose and one.statements for one in found.values())

    def test_a_file_says_who_does_what_until_when(self, tmp_path: Path) -> None:
        text = "-- purpose: book\n-- role: app\n-- until: 006\n-- requires: table t\n\n-- it\nSELECT 1;\nUPDATE t SET a = 1;\n"

        (found,) = load_uses(self.write(tmp_path, text))

        assert (found.name, found.purpose, found.role, found.until, found.is_held) == ("one", "book", "app", 6, False)
        assert found.statements == ("SELECT 1", "UPDATE t SET a = 1")
        assert [str(one) for one in found.requires] == ["table t"]
        assert found.path == "compatibility/one.sql"

    def test_a_query_may_be_held_open(self, tmp_path: Path) -> None:
        (found,) = load_uses(self.write(tmp_path, "-- purpose: p\n-- session: held\n\nSELECT * FROM t;"))

        assert found == Use("one", "p", "", None, ("SELECT * FROM t",), is_held=True)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("-- purpose: p\n-- until: soon\n\nSELECT 1;", 'Found until "soon"; expected a number'),
            ("-- purpose: p\n", "Found no statement, or one that cannot run in a transaction"),
            ("-- purpose: p\n\nSELECT 1; VACUUM;", r"cannot use one\.sql: it is tried in a transaction that is undone"),
            ("-- purpose: p\n\nBEGIN; SELECT 1;", "BEGIN is not allowed here"),
            ("-- purpose: p\n-- session: open\n\nSELECT 1;", 'Found session "open"; expected "-- session: held"'),
            ("-- purpose: p\n-- session: held\n\nSELECT 1; SELECT 2;", "Found something else than one SELECT"),
            ("-- purpose: p\n-- session: held\n\nDELETE FROM t;", "Found something else than one SELECT"),
            ("-- purpose: p\n-- since: 001\n\nSELECT 1;", 'Found the key "since"'),
            ("SELECT 1;", "Found no purpose"),
        ],
    )
    def test_one_that_breaks_a_rule_is_refused_by_name(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(PgMigrateError, match=message) as caught:
            load_uses(self.write(tmp_path, text))
        assert caught.value.refusal.kind is Kind.FILE
        assert "one.sql" in str(caught.value)


class TestQuestion:
    USES = (
        Use("one", "p", "app", None, ("SELECT 'it''s'", "UPDATE t SET a = 1")),
        Use("two", "p", "", None, ("SELECT 2",)),
    )

    def test_each_use_is_tried_by_who_does_it(self) -> None:
        text = try_uses(self.USES, RUN, "stage").script

        assert text.count(read_sql("application/try_use").strip()) == 2
        assert "\\set name 'one'\n\\set role 'app'\n" in text
        statements = json.dumps(list(self.USES[0].statements)).replace("'", "''")
        assert f"\\set statements '{statements}'" in text
        assert read_sql("rehearsal/held_moment").strip() not in text

    @pytest.mark.parametrize("moment", [0, 3])
    def test_a_session_that_is_held_open_is_told_of_the_moment(self, moment: int) -> None:
        text = try_uses(self.USES, RUN, "stage", moment=moment).script

        assert text.index(f"\\set moment '{moment}'") < text.index(read_sql("rehearsal/held_moment").strip())

    def test_the_answer_is_why_not_by_name(self) -> None:
        lines = (("use", ["one", ""]), ("use", ["two", "no such table"]))

        assert try_uses(self.USES, RUN, "stage").read(Answer(0, lines)) == {"one": "", "two": "no such table"}
