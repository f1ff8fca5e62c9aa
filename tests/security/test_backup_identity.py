"""A backup belongs to one database: what another one of that name left is not taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backups import read_manifest

from tests.conftest import Machines
from tests.support.backups import labels, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, restore
from tests.support.servers import Database, Server


def _made_anew(database: Database) -> None:
    """Drops a database, makes one of that name and fills it as it was filled, but for a row."""
    database.close()
    database.server.administer("DROP DATABASE {} WITH (FORCE)", database.name)
    database.server.administer("CREATE DATABASE {} TEMPLATE {}", database.name, database.server.template("legacy"))
    database.run("DELETE FROM project_roles")


def _drop_old(database: Database) -> None:
    database.close()
    with database.server.connect("postgres") as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{database.name}_before_%"]
        ).fetchall()
    for (name,) in rows:
        database.server.administer("DROP DATABASE {} WITH (FORCE)", name)


def _of_an_earlier_version(folder: Path, label: str) -> None:
    """Writes the manifest as a version did that did not note which database it was."""
    path = folder / label / "manifest.json"
    path.write_text(replace(read_manifest(path.read_text()), format=1).text() + "\n")
    assert "database_oid" not in json.loads(path.read_text())


class TestMadeAnew:
    @pytest.fixture
    def label(self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path) -> str:
        """The backup of a database which has been dropped since, and another one of that name is there."""
        label = taken(folder, kept())
        _made_anew(legacy)
        return label

    def test_a_database_of_the_same_name_takes_a_backup_of_its_own(
        self, label: str, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        result = backup(kept())

        assert result.changed == ["Backup"], result.text
        assert "young enough" not in result.text
        (own,) = set(labels(folder)) - {label}
        assert manifest(folder, own)["database_oid"] != manifest(folder, label)["database_oid"]

    def test_its_latest_is_not_that_of_the_one_before_which_comes_back_by_its_name_alone(
        self, label: str, kept: Callable[..., dict[str, Any]], legacy: Database
    ) -> None:
        before = contents_of(legacy)

        for more in ({"pg_backup": "latest"}, {"pg_backup": label}):
            refused = restore(kept(**more))

            assert not refused.ok
            assert label in refused.refusals[0]
            assert "is of database " in refused.refusals[0]
            assert f"--data pg_backup={label} --data pg_backup_of_other=true" in refused.refusals[0]
            assert contents_of(legacy) == before
        legacy.close()
        assert restore(kept(pg_backup=label, pg_backup_of_other=True)).ok
        assert contents_of(legacy) != before
        _drop_old(legacy)

    def test_retention_lets_backups_of_the_one_before_alone(
        self, label: str, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        own = [taken(folder, kept(pg_backup_keep=1, pg_verify="read")) for _ in range(2)]

        assert labels(folder) == sorted([label, own[-1]])

    def test_where_there_is_none_of_that_name_now_the_label_says_which(
        self, label: str, kept: Callable[..., dict[str, Any]], folder: Path, legacy: Database
    ) -> None:
        own = taken(folder, kept())
        legacy.close()
        legacy.server.administer("DROP DATABASE {} WITH (FORCE)", legacy.name)

        refused = restore(kept(pg_backup="latest"))

        assert not refused.ok
        assert label in refused.refusals[0]
        assert own in refused.refusals[0]
        assert restore(kept(pg_backup=label)).ok
        assert legacy.value("SELECT count(*) > 0 FROM project_roles")

    def test_one_of_an_earlier_version_is_no_young_one_and_is_restored_with_a_word(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        label = taken(folder, kept(pg_verify="read"))
        _of_an_earlier_version(folder, label)

        assert backup(kept(pg_verify="read")).changed == ["Backup"]
        legacy.close()
        result = restore(kept(pg_backup=label))

        assert result.ok, result.text
        assert "did not note which database" in result.text
        _drop_old(legacy)


class TestTwoServers:
    @pytest.fixture
    def other(self, machines: Machines, legacy: Database) -> Iterator[Database]:
        """A database of the same name on another server."""
        server: Server = machines.server(16)
        server.administer("CREATE DATABASE {} TEMPLATE {}", legacy.name, server.template("legacy"))
        other = Database(server, legacy.name)
        other.run("DELETE FROM project_roles")
        try:
            yield other
        finally:
            _drop_old(other)
            server.administer("DROP DATABASE {} WITH (FORCE)", legacy.name)

    def test_each_has_its_own_backups_in_one_folder(
        self, kept: Callable[..., dict[str, Any]], folder: Path, legacy: Database, other: Database
    ) -> None:
        there = {"pg_skip_backup": False, "pg_backup_dir": str(folder)}
        before = contents_of(legacy)
        foreign = taken(folder, other.settings(**there))

        refused = restore(kept(pg_backup="latest"))
        named = restore(kept(pg_backup=foreign))
        own = taken(folder, kept(pg_backup_keep=1))
        later = taken(folder, other.settings(**there))
        legacy.close()
        result = restore(kept(pg_backup="latest"))

        for one in (refused, named):
            assert not one.ok
            assert foreign in one.refusals[0]
            assert "is of server " in one.refusals[0]
            assert f"--data pg_backup={foreign} --data pg_backup_of_other=true" in one.refusals[0]
        assert result.ok, result.text
        assert f'restoring backup "{own}"' in result.text
        assert contents_of(legacy).tables == before.tables
        assert labels(folder) == sorted([foreign, own, later])
        _drop_old(legacy)


class TestAfterARestore:
    def test_the_earlier_backups_are_those_of_the_restored_database_too(
        self, kept: Callable[..., dict[str, Any]], folder: Path, legacy: Database
    ) -> None:
        first = taken(folder, kept())
        legacy.run("DELETE FROM project_roles")
        emptied = contents_of(legacy)
        second = taken(folder, kept())
        for label in (first, second):
            # The backup after the one that is restored is of the database that it replaces.
            legacy.close()
            assert restore(kept(pg_backup=label)).ok

        assert contents_of(legacy).tables == emptied.tables
        legacy.close()
        last = restore(kept(pg_backup="latest"))
        assert last.ok, last.text
        assert f'restoring backup "{second}"' in last.text
        _drop_old(legacy)
        # They prove nothing of what is there now.
        assert backup(kept()).changed == ["Backup"]


class TestHistory:
    def test_a_state_that_came_back_is_another_state(
        self, kept: Callable[..., dict[str, Any]], legacy: Database, folder: Path
    ) -> None:
        assert migrate(legacy.settings(pg_target=1)).ok
        label = taken(folder, kept(pg_verify="read"))
        assert backup(kept(pg_verify="read")).unchanged == ["Backup"]
        legacy.run(
            "INSERT INTO pgmigrate.events (run_id, event, tool_version) VALUES (gen_random_uuid(), 'reverted', 'x')"
        )

        assert backup(kept(pg_verify="read")).changed == ["Backup"]
        assert len(labels(folder)) == 2
        assert label in labels(folder)

    def test_an_attempt_that_left_nothing_is_no_other_state(
        self, kept: Callable[..., dict[str, Any]], legacy: Database, folder: Path
    ) -> None:
        assert migrate(legacy.settings(pg_target=1)).ok
        taken(folder, kept(pg_verify="read"))
        legacy.run(
            "INSERT INTO pgmigrate.events (run_id, event, tool_version) VALUES (gen_random_uuid(), 'failed', 'x')"
        )

        assert backup(kept(pg_verify="read")).unchanged == ["Backup"]
