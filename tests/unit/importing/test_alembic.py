"""The revisions of Alembic, as its own command writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.importing.alembic import configuration_of, read_alembic

from tests.support.alembic_project import find_alembic, write_project


@pytest.fixture(autouse=True)
def _alembic(monkeypatch: pytest.MonkeyPatch) -> None:
    find_alembic(monkeypatch)


def test_each_revision_is_one_migration_without_what_alembic_keeps_for_itself(tmp_path: Path) -> None:
    found = read_alembic(write_project(tmp_path) / "alembic.ini")

    assert found.left_out == ()
    assert [(one.key, one.version, one.name) for one in found.entries] == [
        ("aa01", 1, "make_users"), ("bb02", 2, "names"), ("cc03", 3, "view"),
    ]  # fmt: skip
    first, second, third = found.entries
    assert first.up.startswith("CREATE TABLE users (")
    assert first.down == "DROP TABLE users;\n\n"
    assert (second.up, second.down) == ("UPDATE users SET name = 'old';\n\n", "")
    assert third.up == "CREATE VIEW v AS SELECT 1 AS one;\n\n"
    assert not any("alembic_version" in one.up + one.down for one in found.entries)


def test_a_history_without_ways_back_is_taken_without_them(tmp_path: Path) -> None:
    more = ("dd04", "cc03", "more", "op.execute('SELECT 1')", "raise NotImplementedError('no way back')")

    found = read_alembic(write_project(tmp_path, more) / "alembic.ini")

    assert [bool(one.down) for one in found.entries] == [False] * 4
    ((what, reason),) = found.left_out
    assert (what, "no way back" in reason) == ("the ways back", True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ("dd04", "aa01", "branch", "op.execute('SELECT 1')", "pass"),
            "cannot import revision .*: its history has branches",
        ),
        (
            ("dd04", "cc03", "wrong", "op.execute('no SQL')", "pass"),
            "cannot import revision dd04 of Alembic: syntax error",
        ),
        (("dd04", "cc03", "broken", "raise ValueError('broken')", "pass"), "alembic upgrade ended with status 1"),
    ],
)
def test_what_cannot_be_one_line_of_sql_is_refused(
    tmp_path: Path, more: tuple[str, str, str, str, str], message: str
) -> None:
    with pytest.raises(PgMigrateError, match=message):
        read_alembic(write_project(tmp_path, more) / "alembic.ini")


def test_it_is_found_by_its_configuration(tmp_path: Path) -> None:
    project = write_project(tmp_path)

    assert configuration_of(project) == configuration_of(project / "migrations") == project / "alembic.ini"
    assert configuration_of(project / "migrations" / "versions") is None


def test_without_the_command_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write_project(tmp_path)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(PgMigrateError, match="the command alembic is not there"):
        read_alembic(project / "alembic.ini")
