"""SQL for owners and rights."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.grants import grant, grants_back, own_back, revoke

from tests.support.repairs import statements_in


@pytest.mark.parametrize(
    ("key", "privileges", "expected"),
    [
        ("table s.t", ["SELECT", "INSERT"], "INSERT, SELECT ON s.t"),
        ("view v", ["SELECT"], "SELECT ON v"),
        ("materialized_view v", ["SELECT"], "SELECT ON v"),
        ("column t.body", ["UPDATE", "SELECT"], "SELECT (body), UPDATE (body) ON t"),
        ("sequence s", ["USAGE"], "USAGE ON SEQUENCE s"),
        ("schema s", ["CREATE"], "CREATE ON SCHEMA s"),
        ("function f(integer)", ["EXECUTE"], "EXECUTE ON FUNCTION f(integer)"),
        ("procedure f(integer)", ["EXECUTE"], "EXECUTE ON PROCEDURE f(integer)"),
        ("aggregate longest(text)", ["EXECUTE"], "EXECUTE ON FUNCTION longest(text)"),
        ("type mood", ["USAGE"], "USAGE ON TYPE mood"),
        ("language plperl", ["USAGE"], "USAGE ON LANGUAGE plperl"),
        ("foreign_server far", ["USAGE"], "USAGE ON FOREIGN SERVER far"),
        ("foreign_data_wrapper w", ["USAGE"], "USAGE ON FOREIGN DATA WRAPPER w"),
    ],
)  # fmt: skip
def test_rights_are_given_and_taken_by_the_name_that_sql_has(key: str, privileges: list[str], expected: str) -> None:
    assert statements_in(grant(key, '"The App"', privileges)) == [f'GRANT {expected} TO "The App"']
    assert statements_in(revoke(key, "PUBLIC", privileges)) == [f"REVOKE {expected} FROM PUBLIC"]


@pytest.mark.parametrize(
    ("key", "within"),
    [
        ("defaults public.tables me", "FOR ROLE me IN SCHEMA public {} SELECT ON TABLES {} app"),
        ('defaults "My S".tables "The Owner"', 'FOR ROLE "The Owner" IN SCHEMA "My S" {} SELECT ON TABLES {} app'),
        ("database_defaults tables me", "FOR ROLE me {} SELECT ON TABLES {} app"),
    ],
)
def test_default_privileges_are_those_of_a_role(key: str, within: str) -> None:
    assert statements_in(grant(key, "app", ["SELECT"])) == [f"ALTER DEFAULT PRIVILEGES {within.format('GRANT', 'TO')}"]
    assert statements_in(revoke(key, "app", ["SELECT"])) == [
        f"ALTER DEFAULT PRIVILEGES {within.format('REVOKE', 'FROM')}"
    ]


def test_a_right_that_may_be_passed_on_is_a_statement_of_its_own() -> None:
    privileges = ["SELECT with grant option", "INSERT"]

    assert statements_in(grant("table t", "app", privileges)) == [
        "GRANT INSERT ON t TO app",
        "GRANT SELECT ON t TO app WITH GRANT OPTION",
    ]
    # Who loses a right loses the option with it.
    assert statements_in(revoke("table t", "app", privileges)) == [
        "REVOKE INSERT ON t FROM app",
        "REVOKE SELECT ON t FROM app",
    ]


def test_the_sequence_of_an_identity_is_found_by_its_column() -> None:
    (made,) = statements_in(grant('identity s."T".it\'s', "app", ["USAGE with grant option"])) or []

    assert made.startswith("DO $do$ BEGIN EXECUTE 'GRANT USAGE ON SEQUENCE ' ||")
    assert "pg_get_serial_sequence('s.\"T\"', 'it''s')" in made
    assert "' TO app WITH GRANT OPTION'" in made
    assert "'The \"C\"')" in grant('identity t."The ""C"""', "app", ["USAGE"])[0]


def test_what_everybody_could_do_by_itself_is_taken_first_and_the_owner_needs_nothing() -> None:
    lines = [
        'grant type mood "The Owner" USAGE',
        'grant type mood "The App" USAGE with grant option',
        "owner type mood somebody",
    ]

    assert statements_in(grants_back(lines, ['owner type mood "The Owner"'])) == [
        "REVOKE ALL ON TYPE mood FROM PUBLIC",
        'GRANT USAGE ON TYPE mood TO "The App" WITH GRANT OPTION',
    ]
    assert grants_back(["owner type mood somebody"], []) == []


def test_a_table_is_nobodys_by_itself() -> None:
    assert statements_in(grants_back(["grant table t app SELECT"], [])) == ["GRANT SELECT ON t TO app"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('owner table "T" app', 'ALTER TABLE "T" OWNER TO app'),
        ('owner function f(integer, text) "The Owner"', 'ALTER FUNCTION f(integer, text) OWNER TO "The Owner"'),
        ("owner foreign_server far app", "ALTER SERVER far OWNER TO app"),
        ("owner aggregate longest(text) app", "ALTER AGGREGATE longest(text) OWNER TO app"),
        ("owner operator_class mine(btree) app", "ALTER OPERATOR CLASS mine USING btree OWNER TO app"),
        ("owner operator_family s.mine(gist) app", "ALTER OPERATOR FAMILY s.mine USING gist OWNER TO app"),
        ("owner text_search_dictionary d app", "ALTER TEXT SEARCH DICTIONARY d OWNER TO app"),
    ],
)
def test_an_object_gets_its_owner_back(line: str, expected: str) -> None:
    assert statements_in([own_back(line)]) == [expected]
