from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyinfra_pgmigrate.sqltext import parser
from pyinfra_pgmigrate.sqltext.grammar import SqlSyntaxError, parse, tokens_of
from pyinfra_pgmigrate.sqltext.parser import (
    begins_transaction,
    checksum_of,
    commits_transaction,
    is_query,
    server_wide_operation,
    split,
    taken_from_session,
    transaction_modes,
    writing_words,
)
from pyinfra_pgmigrate.sqltext.unique_rules import UniqueRule, unique_rule_of_constraint, unique_rule_of_index, upserts


def test_statements_are_split_by_the_grammar() -> None:
    text = """-- a comment; with a semicolon
CREATE TABLE a (b text DEFAULT 'x;y'); /* another; one */
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT 1; SELECT 2 $$;

SELECT 1"""

    found = split(text)

    assert [statement.number for statement in found] == [1, 2, 3]
    assert [statement.line for statement in found] == [2, 3, 5]
    assert found[0].text == "CREATE TABLE a (b text DEFAULT 'x;y')"
    assert found[1].text.endswith("SELECT 2 $$")


def test_a_file_of_comments_has_no_statement() -> None:
    assert split("-- nothing\n\n/* here */\n") == []


def test_checksums_ignore_comments_and_white_space_and_nothing_else() -> None:
    base = checksum_of("SELECT a.b FROM a WHERE c = 'x y'")

    assert checksum_of("SELECT a . b -- why\n  FROM a\n WHERE /* so */ c='x y';".removesuffix(";")) == base
    assert checksum_of("SELECT a.b FROM a WHERE c = 'x  y'") != base
    assert checksum_of("SELECT a.b FROM a WHERE c = 'X y'") != base


@pytest.mark.parametrize(
    ("text", "in_transaction"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", False),
        ("CREATE INDEX i ON t (a)", True),
        ("DROP INDEX CONCURRENTLY i", False),
        ("DROP TABLE t", True),
        ("REINDEX TABLE CONCURRENTLY t", False),
        ("REINDEX (CONCURRENTLY) TABLE t", False),
        ("REINDEX TABLE t", True),
        ("REINDEX SCHEMA s", False),
        ("VACUUM t", False),
        ("ANALYZE t", True),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", False),
        ("ALTER TABLE t DETACH PARTITION p", True),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", True),
        ("ALTER SYSTEM SET work_mem = '1MB'", False),
        ("CLUSTER", False),
        ("CLUSTER t", True),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", False),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = off)", True),
    ],
)
def test_what_cannot_run_in_a_transaction_is_known(text: str, in_transaction: bool) -> None:
    (statement,) = split(text)

    assert statement.in_transaction is in_transaction


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        split("SELECT 1;\n\nSELECT FROM WHERE;")

    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("text", "yes"),
    [("SELECT 1", True), ("WITH a AS (SELECT 1) SELECT * FROM a", True), ("SELECT 1; SELECT 2", False), ("DELETE FROM t", False)],
)  # fmt: skip
def test_a_query_is_one_select(text: str, yes: bool) -> None:
    assert is_query(text) is yes


def test_unique_rules_are_read_from_indexes_and_constraints() -> None:
    rule = UniqueRule("groups", frozenset({"project_id", "name"}), "i")

    assert unique_rule_of_index("CREATE UNIQUE INDEX i ON public.groups USING btree (project_id, name)") == rule
    assert unique_rule_of_constraint("groups", "i", "UNIQUE (name, project_id)") == rule
    assert unique_rule_of_index("CREATE INDEX i ON groups USING btree (name)") is None
    assert unique_rule_of_index("CREATE UNIQUE INDEX i ON groups USING btree (lower(name))") is None
    assert unique_rule_of_constraint("groups", "c", "CHECK ((a > 0))") is None


def test_upserts_are_found_wherever_they_stand() -> None:
    text = (
        "WITH a AS (INSERT INTO s.groups (project_id, name) VALUES ($1, $2) ON CONFLICT (name, project_id) DO NOTHING"
        " RETURNING id) INSERT INTO logs VALUES (1) ON CONFLICT ON CONSTRAINT logs_key DO UPDATE SET a = $3"
    )

    assert set(upserts(text)) == {
        UniqueRule("groups", frozenset({"project_id", "name"})),
        UniqueRule("logs", frozenset(), "logs_key"),
    }
    assert list(upserts("INSERT INTO groups VALUES (1) ON CONFLICT DO NOTHING")) == []


@pytest.mark.parametrize(
    ("text", "line"), [("SELECT 1;\nSELECT 'open", 2), ('\n\n"open', 3), ("SELECT $$ open", 1), ("/* open", 1)]
)
def test_a_text_without_an_end_is_an_error_with_its_line(text: str, line: int) -> None:
    for read in (tokens_of, checksum_of, split):
        with pytest.raises(SqlSyntaxError, match="unterminated") as caught:
            read(text)
        assert caught.value.line == line


def test_bytes_of_tokens_are_those_of_the_utf_8_text() -> None:
    text = "SELECT 'ü' -- why ü\n, 1"

    assert [text.encode()[start:end].decode() for start, end in tokens_of(text)] == ["SELECT", "'ü'", ",", "1"]


def test_the_words_of_a_long_statement_are_cut_between_two() -> None:
    (long,) = split("SELECT " + ", ".join(f"column_{number}" for number in range(40)))

    assert len(long.words) <= 100
    assert long.words.startswith("SELECT column_0, column_1")
    assert long.words.endswith(", ...")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT a FROM t", ""),
        ("SELECT a FROM t FOR SHARE", "FOR UPDATE or FOR SHARE"),
        ("SELECT a INTO b FROM t", "INTO"),
        ("WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM x", "INSERT"),
        ("WITH x AS (MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE RETURNING t.a) SELECT a FROM x", "MERGE"),
        ("SELECT (SELECT a FROM t FOR UPDATE)", "FOR UPDATE or FOR SHARE"),
        ("SELECT 'DELETE FROM t'", ""),
    ],
)  # fmt: skip
def test_a_query_that_writes_says_by_which_word(text: str, words: str) -> None:
    assert writing_words(text) == words


@pytest.mark.parametrize(
    ("text", "begins", "commits"),
    [
        ("BEGIN", True, False),
        ("START TRANSACTION READ ONLY", True, False),
        ("COMMIT", False, True),
        ("END", False, True),
        ("COMMIT AND CHAIN", False, False),
        ("ROLLBACK", False, False),
        ("SAVEPOINT s", False, False),
        ("SELECT 1", False, False),
    ],
)
def test_a_transaction_begins_and_ends(text: str, begins: bool, commits: bool) -> None:
    (statement,) = split(text)

    assert begins_transaction(statement) is begins
    assert commits_transaction(statement) is commits


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", {"transaction_isolation": "REPEATABLE READ"}),
        ("SET TRANSACTION READ WRITE, DEFERRABLE", {"transaction_read_only": "0", "transaction_deferrable": "1"}),
        # A snapshot is none of the modes, and nothing that a file may set.
        ("SET TRANSACTION SNAPSHOT 'x'", {"transaction snapshot": ""}),
    ],
)
def test_the_modes_of_a_transaction_are_named(text: str, modes: dict[str, str]) -> None:
    assert transaction_modes(split(text)[0]) == modes


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("DROP ROLE r", "postgres.role"),
        ("CREATE DATABASE d", "postgres.database"),
        ("ALTER DATABASE d OWNER TO me", "postgres.sql"),
        ("COMMENT ON DATABASE d IS 'x'", "postgres.sql"),
        ("GRANT CONNECT ON DATABASE d TO me", "postgres.sql"),
        ("ALTER ROLE a RENAME TO b", "postgres.sql"),
        ("GRANT a TO b", "postgres.sql"),
        ("GRANT SET ON PARAMETER work_mem TO me", "postgres.sql"),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "postgres.sql"),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect)", "postgres.sql"),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = 0)", ""),
        ("REASSIGN OWNED BY a TO b", "postgres.sql"),
        ("GRANT SELECT ON t TO me", ""),
        ("ALTER TABLE t RENAME TO u", ""),
    ],
)
def test_what_acts_on_the_whole_server_has_an_operation(text: str, operation: str) -> None:
    assert server_wide_operation(split(text)[0]) == operation


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ALTER FUNCTION f() SET my.setting FROM CURRENT", "my.setting"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET \"Work_Mem\" FROM CURRENT RETURN 1", "work_mem"),
        ("SELECT 'SET a FROM CURRENT'", ""),
        ("SELECT a FROM current", ""),
    ],
)  # fmt: skip
def test_a_setting_that_is_taken_from_the_session_is_named(text: str, name: str) -> None:
    (statement,) = split(text)

    assert taken_from_session(statement) == name


ODD = """-- one;
INSERT INTO a VALUES ('x;
y;
', 1); INSERT INTO a VALUES (2);
/* a comment;
   of two; */
CREATE FUNCTION f() RETURNS integer LANGUAGE sql
BEGIN ATOMIC
  SELECT 1;
  SELECT 2;
END;
CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN
  PERFORM 1;
END; $body$;
CREATE RULE r AS ON INSERT TO a DO ALSO (
  DELETE FROM b;
  DELETE FROM c;
);
COMMENT ON TABLE a IS E'it\\'s;
so';
SELECT "odd;
name" FROM a;

-- the end;
"""


class TestPieces:
    """A long text is read piece by piece: nothing shows where it was cut."""

    @pytest.mark.parametrize("size", [1, 7, 40, 150])
    @pytest.mark.parametrize("text", [ODD, *(one.read_text() for one in sorted(Path("sql").glob("*.sql")))])
    def test_they_are_read_as_the_whole(self, text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = split(text), checksum_of(text)
        monkeypatch.setattr(parser, "_PIECE", size)

        assert (split(text), checksum_of(text)) == whole

    def test_they_end_with_statements(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parser, "_PIECE", 1)

        pieces = [piece for piece, _ in parser._pieces(ODD, parse)]

        assert "".join(pieces) == ODD
        assert len(pieces) > 2

    @pytest.mark.parametrize("read", [split, checksum_of])
    def test_an_error_has_the_line_of_the_text(
        self, read: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "SELECT 1;\n" * 20 + "SELEC 2;\n" + "SELECT 1;\n" * 20 + "SELECT 'open;\n"
        with pytest.raises(SqlSyntaxError) as whole:
            read(text)
        monkeypatch.setattr(parser, "_PIECE", 30)

        with pytest.raises(SqlSyntaxError) as caught:
            read(text)

        assert (caught.value.message, caught.value.line) == (whole.value.message, whole.value.line)
        assert caught.value.line > 20
