from __future__ import annotations

from typing import Any

import pytest
from pyinfra.api import HiddenValue
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.settings import KEYS, Secret, read_settings


def refusal(**data: Any) -> str:
    with pytest.raises(PgMigrateError) as caught:
        read_settings({"pg_database": "shop", **data})
    assert caught.value.refusal.kind is Kind.SETTINGS
    return str(caught.value)


def test_defaults_stand_for_what_is_not_set() -> None:
    settings = read_settings({"pg_database": "shop", "ssh_user": "deploy", "pg_target": None})

    assert settings.schema == "public"
    assert str(settings.sql_dir) == "sql"
    assert settings.target is None
    assert settings.batch_from == 10
    assert settings.connection.host is None


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    assert 'the nearest known key is "pg_lock_timeout_s"' in refusal(pg_lock_timeout=3)


def test_a_database_is_needed() -> None:
    with pytest.raises(PgMigrateError, match="could not find out which database to use"):
        read_settings({})


@pytest.mark.parametrize("value", [12, "12", "012"])
def test_a_target_is_a_number_however_it_is_written(value: object) -> None:
    assert read_settings({"pg_database": "shop", "pg_target": value}).target == 12


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pg_target", "latest"), ("pg_target", True), ("pg_port", 0), ("pg_port", "5432a"), ("pg_check", "yes"),
        ("pg_phase", "afterwards"), ("pg_batch_from", 0), ("pg_batch_rows", "many"), ("pg_lock_timeout_s", 0),
        ("pg_lock_budget_s", "long"), ("pg_database", ""), ("pg_schema", 7.5), ("pg_run_wait_s", False),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_by_key(key: str, value: object) -> None:
    assert f"cannot use host data key {key}: expected" in refusal(**{key: value})


@pytest.mark.parametrize("value", ["hush", HiddenValue("hush")])
def test_a_password_never_prints(value: object) -> None:
    settings = read_settings({"pg_database": "shop", "pg_password": value})

    assert settings.connection.password is not None
    assert settings.connection.password.reveal() == "hush"
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.connection)


def test_a_wrong_password_value_is_not_shown() -> None:
    assert "1234" not in refusal(pg_password=1234.5)
    assert repr(Secret("x")) == "Secret(***)"


def test_numbers_are_taken_as_text_where_text_is_meant() -> None:
    found = read_settings({"pg_database": 2026, "pg_password": 12345678}).connection

    assert found.password is not None
    assert (found.database, found.password.reveal()) == ("2026", "12345678")


def test_every_key_has_a_meaning() -> None:
    assert all(key.meaning for key in KEYS.values())
