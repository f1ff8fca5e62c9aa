"""Who may do what, before and after, as PostgreSQL has it where it wrote nothing down."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pyinfra_pgmigrate.catalog.privileges import Rights, changed_rights, grantee_of, is_written_out

OWNERS = {
    "table t": "me",
    "sequence s": "me",
    "function f()": "me",
    "type mood": "me",
    "schema s": "me",
    "view v": "me",
}
ALL_OF_A_TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def rights(
    before: list[str], now: list[str], owners: Mapping[str, str] = OWNERS, new: Mapping[str, str] | None = None,
    version: int = 180000,
) -> list[Rights]:  # fmt: skip
    touched = set(before) ^ set(now)
    return list(changed_rights(touched, before, now, owners, owners if new is None else new, version))


def written(key: str, grantee: str, *privileges: str) -> list[str]:
    return [f"grant {key} {grantee} {one}" for one in privileges]


def lost(key: str, grantee: str, *privileges: str) -> Rights:
    return Rights(key, grantee, frozenset(privileges), frozenset())


def gained(key: str, grantee: str, *privileges: str) -> Rights:
    return Rights(key, grantee, frozenset(), frozenset(privileges))


def test_nothing_touched_is_nothing_changed() -> None:
    assert rights(written("table t", "app", "SELECT"), written("table t", "app", "SELECT")) == []


def test_the_first_grant_writes_out_what_the_owner_had_anyhow() -> None:
    now = [*written("table t", "me", *ALL_OF_A_TABLE, "MAINTAIN"), *written("table t", "app", "SELECT")]

    assert rights([], now) == [gained("table t", "app", "SELECT")]


def test_up_to_postgresql_16_nobody_maintains() -> None:
    now = [*written("table t", "me", *ALL_OF_A_TABLE), *written("table t", "app", "SELECT")]

    assert rights([], now, version=160004) == [gained("table t", "app", "SELECT")]
    # From 17 on an owner without MAINTAIN had it taken away.
    assert rights([], now) == [gained("table t", "app", "SELECT"), lost("table t", "me", "MAINTAIN")]


@pytest.mark.parametrize(
    ("key", "privilege"), [("function f()", "EXECUTE"), ("type mood", "USAGE")], ids=["function", "type"]
)
def test_the_first_revoke_takes_from_everybody_what_everybody_had(key: str, privilege: str) -> None:
    assert rights([], written(key, "me", privilege)) == [lost(key, "PUBLIC", privilege)]
    assert rights(written(key, "me", privilege), []) == [gained(key, "PUBLIC", privilege)]


def test_a_new_owner_takes_over_what_the_old_one_could_do() -> None:
    before = [*written("table t", "me", *ALL_OF_A_TABLE, "MAINTAIN"), *written("table t", "app", "SELECT")]
    now = [line.replace(" me ", " you ") for line in before]

    assert rights(before, now, new={**OWNERS, "table t": "you"}) == []


def test_an_owner_gains_nothing_by_a_right_of_his_own() -> None:
    before = written("table t", "app", "SELECT")

    assert rights(before, [*before, *written("table t", "me", "SELECT")]) == []


def test_the_option_to_pass_a_right_on_is_one_of_its_own() -> None:
    before = written("view v", '"The App"', "SELECT with grant option")

    assert rights(before, written("view v", '"The App"', "SELECT")) == [
        Rights("view v", '"The App"', frozenset({"SELECT with grant option"}), frozenset({"SELECT"}))
    ]


def test_the_sequence_of_an_identity_has_the_owner_of_its_table() -> None:
    now = [*written("identity t.id", "me", "SELECT", "UPDATE", "USAGE"), *written("identity t.id", "app", "USAGE")]

    assert rights([], now) == [gained("identity t.id", "app", "USAGE")]


def test_default_privileges_are_kept_apart_by_the_role_that_makes_the_objects() -> None:
    before = ["grant defaults public.tables me app SELECT", "grant defaults public.tables you app SELECT"]
    now = ["grant defaults public.tables you app SELECT"]

    # Those of a schema add to the general ones: nothing else is written out with them.
    assert rights(before, now) == [lost("defaults public.tables me", "app", "SELECT")]


def test_general_default_privileges_stand_for_what_new_objects_have_anyhow() -> None:
    now = ["grant database_defaults functions me me EXECUTE", "grant database_defaults functions me app EXECUTE"]

    assert rights([], now) == [
        lost("database_defaults functions me", "PUBLIC", "EXECUTE"),
        gained("database_defaults functions me", "app", "EXECUTE"),
    ]


def test_names_in_quotes_may_have_spaces() -> None:
    now = [
        'grant defaults "My S".tables "The Owner" "The App" SELECT',
        'grant database_defaults functions "The Owner" "The Owner" EXECUTE',
        'grant database_defaults functions "The Owner" PUBLIC EXECUTE',
    ]

    assert rights([], now) == [gained('defaults "My S".tables "The Owner"', '"The App"', "SELECT")]
    assert grantee_of('"The ""App" SELECT with grant option') == ('"The ""App"', "SELECT with grant option")


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        ("grant table t me SELECT", True),
        ("grant table t me MAINTAIN", True),
        ("grant table t app SELECT", False),
        ("grant table t me SELECT with grant option", False),
        ("grant function f() PUBLIC EXECUTE", True),
        ("grant type mood PUBLIC USAGE", True),
        ("grant sequence s me USAGE", True),
        ("grant schema s me CREATE", True),
        ("grant schema s PUBLIC USAGE", False),
        ("grant view v me SELECT", True),
        ("grant table nobodys me SELECT", False),
        # What new objects get is said by nothing else.
        ("grant database_defaults tables me me SELECT", False),
        ("owner table t me", False),
    ],
)
def test_a_line_that_says_only_what_holds_anyhow_is_known(line: str, yes: bool) -> None:
    assert is_written_out(line, OWNERS, 180000) is yes
