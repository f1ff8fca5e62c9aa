"""A backup belongs to one database: what another one of that name left is not taken for it."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.keeper import Keeper
from pyinfra_pgmigrate.backup.manifest import read_manifest

from tests.conftest import Machines
from tests.support.backups import copies, labels, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, restore, rollback, validate
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


@pytest.fixture
def kept(kept: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Settings with which backups are read, and not restored to see: whose they are is the same."""
    return lambda **more: kept(**{"pg_verify": "read", **more})


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
        own = [taken(folder, kept(pg_backup_keep=1)) for _ in range(2)]

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
        label = taken(folder, kept())
        _of_an_earlier_version(folder, label)

        assert backup(kept()).changed == ["Backup"]
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
        there = {"pg_skip_backup": False, "pg_backup_dir": str(folder), "pg_verify": "read"}
        before = contents_of(legacy)
        foreign = taken(folder, other.settings(**there))

        refused = restore(kept(pg_backup="latest"))
        named = restore(kept(pg_backup=foreign))
        compared = validate(kept(pg_backup=foreign))
        own = taken(folder, kept(pg_backup_keep=1))
        later = taken(folder, other.settings(**there))
        legacy.close()
        result = restore(kept(pg_backup="latest"))

        for one in (refused, named):
            assert not one.ok
            assert foreign in one.refusals[0]
            assert "is of server " in one.refusals[0]
            assert f"--data pg_backup={foreign} --data pg_backup_of_other=true" in one.refusals[0]
        assert not compared.ok
        assert "is of server " in compared.text
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
    def test_a_structure_that_came_back_is_another_state(
        self, kept: Callable[..., dict[str, Any]], legacy: Database, folder: Path
    ) -> None:
        first = taken(folder, kept())
        assert migrate(legacy.settings()).ok
        assert rollback(legacy.settings()).ok

        again = backup(kept())

        # The catalog is the same, and so are the applied migrations: what the quarantine keeps is not in the first one.
        assert again.changed == ["Backup"], again.text
        (second,) = set(labels(folder)) - {first}
        assert manifest(folder, first)["applied"] == manifest(folder, second)["applied"] == 0
        assert backup(kept()).unchanged == ["Backup"]
        legacy.run("UPDATE pgmigrate.quarantines SET dropped_at = now() WHERE row_count > 0")
        # Thrown away, as pg_quarantine_drop does.
        assert backup(kept()).changed == ["Backup"]

    def test_a_migration_that_was_applied_again_makes_another_state(
        self, kept: Callable[..., dict[str, Any]], legacy: Database, folder: Path
    ) -> None:
        assert migrate(legacy.settings(pg_target=1)).ok
        taken(folder, kept())
        legacy.run(
            "INSERT INTO pgmigrate.events (run_id, event, tool_version) VALUES (gen_random_uuid(), 'failed', 'x')"
        )
        # An attempt that left nothing is no other state.
        assert backup(kept()).unchanged == ["Backup"]
        legacy.run("UPDATE pgmigrate.migrations SET applied_at = applied_at + interval '1 min'")

        assert backup(kept()).changed == ["Backup"]


class TestCopies:
    @pytest.fixture
    def copy(self, legacy: Database) -> Iterator[Callable[[str, str | None], str]]:
        """Returns a function that makes a database as a copy of a run, and says of it what that did."""
        made: list[str] = []
        short = hashlib.sha256(legacy.name.encode()).hexdigest()[:8]

        def copy(run_id: str, comment: str | None) -> str:
            made.append(f"pgmigrate_copy_{short}_{run_id[:8]}_{len(made) + 1}")
            legacy.server.administer("CREATE DATABASE {} TEMPLATE template0", made[-1])
            if comment is not None:
                legacy.run(f"COMMENT ON DATABASE {made[-1]} IS '{comment}'")
            return made[-1]

        yield copy
        for name in made:
            legacy.server.administer("DROP DATABASE IF EXISTS {}", name)

    def test_of_another_host_or_of_a_run_that_is_alive_stay_and_those_of_dead_ones_go(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        tmp_path: Path,
        copy: Callable[[str, str | None], str],
    ) -> None:
        here = os.uname().nodename
        ids = [str(uuid.uuid4()) for _ in range(9)]
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        alive = tmp_path / "elsewhere" / f".{legacy.name}.run"
        alive.write_text(f"{ids[0]} -\n")
        (tmp_path / "long-ago").mkdir(mode=0o700)
        dead = tmp_path / "long-ago" / f".{legacy.name}.run"
        dead.write_text(f"{ids[1]} -\n")
        os.utime(dead, (1, 1))

        def said(run_id: str, host: str, tells: str = "") -> str:
            ended = "may be dropped once that run has ended"
            return f"pgmigrate: copy made by run {run_id} on {host}; {ended}{tells}"

        stay = [
            copy(ids[2], said(ids[2], f"{here}a")),
            copy(ids[2], said(ids[2], f"x{here}", f", which {dead} tells")),
            copy(ids[2], said(ids[2], here[:-1])),
            copy(ids[2], said(ids[2], f"%{here}%")),
            copy(ids[2], said(ids[2], "_" * len(here))),
            copy(ids[0], said(ids[0], here, f", which {alive} tells")),
            copy(ids[3], None),
        ]
        go = [
            copy(ids[4], said(ids[4], here)),
            copy(ids[1], said(ids[1], here, f", which {dead} tells")),
            copy(ids[5], said(ids[5], here, f", which {alive} tells")),
            copy(ids[6], said(ids[6], here, f", which {tmp_path}/no/.{legacy.name}.run tells")),
            copy(ids[7], None),
            copy(ids[8], said(ids[8], here)),
        ]
        legacy.run(f"ALTER DATABASE {go[-1]} IS_TEMPLATE true")

        with legacy.server.connect("postgres", application_name=f"pgmigrate {ids[3][:8]} make scratch"):
            result = backup(kept())

        assert result.ok, result.text
        assert set(copies(legacy.server)) & {*stay, *go} == set(stay)

    def test_the_role_of_a_copy_that_is_about_to_be_made_stays_while_its_run_is_alive(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path
    ) -> None:
        short = hashlib.sha256(legacy.name.encode()).hexdigest()[:8]
        ids = [str(uuid.uuid4()) for _ in range(2)]
        alive = tmp_path / "elsewhere" / f".{legacy.name}.run"
        alive.parent.mkdir(mode=0o700)
        alive.write_text(f"{ids[0]} -\n")
        names = [f"pgmigrate_copy_{short}_{run_id[:8]}_1" for run_id in ids]
        for name, run_id in zip(names, ids, strict=True):
            legacy.run(
                f"CREATE ROLE {name}; COMMENT ON ROLE {name} IS 'pgmigrate: role of a copy made by run {run_id} on "
                f"{os.uname().nodename}; may be dropped once that run has ended, which {alive} tells'"
            )
        try:
            assert backup(kept()).ok

            assert legacy.rows("SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)", names) == [(names[0],)]
        finally:
            for name in names:
                legacy.run(f"DROP ROLE IF EXISTS {name}")

    def test_a_copy_says_by_which_file_its_run_is_known_to_be_alive(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []

        def look(self: Keeper, name: str, connection: Any, *, living: Collection[str] | None = None) -> None:
            if living is None:
                said.append(
                    legacy.value(
                        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", name
                    )
                )
            drop(self, name, connection, living=living)

        drop = Keeper.drop
        monkeypatch.setattr(Keeper, "drop", look)

        assert backup(kept(pg_verify="restore")).ok

        assert [one.rpartition("which ")[2] for one in said] == [f"{folder}/.{legacy.name}.run tells"]
