from __future__ import annotations

import pytest
from pyinfra_pgmigrate.sqltext.parser import SqlSyntaxError, checksum_of, is_query, split
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
