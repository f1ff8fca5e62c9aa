"""Backups that prove themselves: taken, verified, kept, refused, restored; on dockerized PostgreSQL 17 and others."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate import keeper
from pyinfra_pgmigrate.backups import Contents, differences, read_manifest
from pyinfra_pgmigrate.embedded import scratch_server

from tests.conftest import Machines, on_all_versions
from tests.docker.hosts import RELEASES
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, restore
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server
from tests.support.writers import Writers

on_docker = pytest.mark.parametrize("server", [17], indirect=True, ids=["pg17"])

ODD = Path(__file__).with_name("odd.sql").read_text()
# Needs a server with ICU and libxml, as Debian's have.
ODDER = """
CREATE COLLATION case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE blind (word text COLLATE case_blind, x xml);
INSERT INTO blind VALUES ('Word', '<a/>'), ('WORD', '<b>1</b>');
"""


def fill_oddly(database: Database) -> None:
    database.run(ODD)
    if database.server.version in RELEASES:
        database.run(ODDER)


@pytest.fixture
def kept(legacy: Database, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Returns settings with which backups go into a folder of the test."""

    def settings(**more: Any) -> dict[str, Any]:
        return legacy.settings(**{"pg_skip_backup": False, "pg_backup_dir": str(tmp_path / "backups"), **more})

    return settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def labels(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def manifest(folder: Path, label: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / label / "manifest.json").read_text())
    return found


def copies(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pgmigrate_'")]


def taken(folder: Path, settings: dict[str, Any]) -> str:
    """Takes a backup and returns its label."""
    before = set(labels(folder)) if folder.exists() else set()
    result = backup({**settings, "pg_backup_max_age_s": 0.001})
    assert result.ok, result.text
    (label,) = set(labels(folder)) - before
    return label


class TestTaking:
    @on_all_versions
    def test_a_backup_of_all_kinds_of_rows_restores_to_the_same_and_is_not_taken_twice(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        fill_oddly(legacy)

        first = backup(kept())
        second = backup(kept())

        (label,) = labels(folder)
        assert first.changed == ["Backup"], first.text
        assert second.unchanged == ["Backup"], second.text
        assert label in second.text
        found = manifest(folder, label)
        assert found["verification"]["how"] == "restore"
        assert found["verification"]["notes"] == []
        assert found["rows"] == sum(rows for rows, _ in contents_of(legacy).tables.values())
        assert copies(legacy.server) == []

    @on_docker
    def test_what_the_manifest_says_is_true_while_8_clients_write_20_times(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        rows = []
        with Writers(legacy) as writers:
            for _ in range(20):
                done = writers.done
                # Verified means: restored, and every count and hash is that of the manifest.
                label = taken(folder, kept())
                found = manifest(folder, label)
                rows.append(found["rows"])
                assert found["verification"]["how"] == "restore"
                assert writers.done > done

        assert rows == sorted(rows)
        assert len(set(rows)) == 20
        assert writers.errors == []
        assert len(labels(folder)) == 5

    def test_only_its_owner_may_read_a_backup(self, kept: Callable[..., dict[str, Any]], folder: Path) -> None:
        taken(folder, kept())

        modes = {oct(path.stat().st_mode & 0o777) for path in folder.rglob("*") if path.is_file()}
        folders = {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.rglob("*")) if path.is_dir()}

        assert (modes, folders) == ({"0o600"}, {"0o700"})

    def test_a_changed_structure_wants_another_backup(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        backup(kept())
        legacy.run("CREATE TABLE added (id integer)")

        result = backup(kept())

        assert result.changed == ["Backup"]
        assert len(labels(folder)) == 2

    def test_a_dry_run_says_what_it_would_do_and_does_nothing(
        self, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        result = backup(kept(), execute=False)

        assert result.predicted == ["Backup"]
        assert "would take a backup" in result.text
        assert not folder.exists()

    def test_the_registry_names_the_backup_of_each_migration(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        migrate(kept(pg_target=1, pg_rehearse="off"))
        migrate(kept(pg_target=2, pg_rehearse="off"))

        first, second = labels(folder)
        assert legacy.rows("SELECT version, backup FROM pgmigrate.migrations ORDER BY 1") == [(1, first), (2, second)]
        assert legacy.rows("SELECT label, verification FROM pgmigrate.backups") == [(second, "restore")]

    def test_too_little_room_is_refused_before_anything_is_written(
        self, kept: Callable[..., dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pyinfra_pgmigrate.backups.Store.needed_bytes", lambda *_: 1 << 60)

        result = backup(kept())

        assert not result.ok
        assert "not enough room in" in result.refusals[0]
        assert labels(folder) == []

    def test_progress_is_told_to_whoever_looks_on(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeper, "is_watched", lambda: True)
        monkeypatch.setattr(keeper, "_BEAT_S", 0.05)
        legacy.run("CREATE TABLE large AS SELECT i, repeat('x', 100) || i AS text FROM generate_series(1, 400000) AS i")

        result = backup(kept())

        assert any("dump: large, " in line and " rows, " in line for line in result.lines), result.text


class TestHash:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE words SET word = 'other' WHERE id = 1",
            "UPDATE words SET word = CASE id WHEN 1 THEN 'two' ELSE 'one' END WHERE id IN (1, 2)",
            "DELETE FROM words WHERE id = 1; INSERT INTO words SELECT 2, 'two'",
            # A sum of hashes sees what an exclusive or does not: two pairs of equal rows.
            "DELETE FROM words WHERE id = 3; INSERT INTO words VALUES (4, 'four'), (4, 'four')",
            "UPDATE words SET word = NULL WHERE id = 2",
            "ALTER TABLE words ADD COLUMN more integer",
        ],
    )
    def test_sees_a_change(self, server: Server, change: str) -> None:
        with server.database("empty") as database:
            database.run("CREATE TABLE words (id integer, word text)")
            database.run("INSERT INTO words VALUES (1, 'one'), (2, 'two'), (3, 'three'), (3, 'three')")
            before = contents_of(database)
            database.run(change)

            assert list(differences(before, contents_of(database))) != []

    def test_does_not_see_the_order_of_rows(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run("CREATE TABLE words AS SELECT i AS id, i::text AS word FROM generate_series(1, 1000) AS i")
            before = contents_of(database)
            database.run("CREATE TABLE turned AS SELECT * FROM words ORDER BY id DESC; TRUNCATE words")
            database.run("INSERT INTO words SELECT * FROM turned; DROP TABLE turned")

            assert contents_of(database) == before

    def test_agrees_between_major_versions(self, machines: Machines) -> None:
        found: list[Contents] = []
        for version in (15, 16, 17, 18):
            server = machines.server(version)
            with server.database("empty") as database:
                database.run(ODD.replace("gen_random_uuid()", "md5(i::text)::uuid"))
                found.append(contents_of(database))

        assert all(one.tables == found[0].tables for one in found[1:])


def _cut(backup: Path) -> None:
    path = _largest(backup)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])


def _emptied(backup: Path) -> None:
    _largest(backup).write_bytes(b"")


def _flipped(backup: Path) -> None:
    content = bytearray(_largest(backup).read_bytes())
    content[len(content) // 2] ^= 1
    _largest(backup).write_bytes(bytes(content))


def _missing(backup: Path) -> None:
    _largest(backup).unlink()


def _edited_manifest(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text().replace('"applied": 0', '"applied": 6'))


def _no_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


def _cut_manifest(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text()[:200])


def _edited_contents(backup: Path) -> None:
    path = backup / "contents.json"
    path.write_text(path.read_text().replace('"public.projects": [40, ', '"public.projects": [41, '))


def _edited_list(backup: Path) -> None:
    path = backup / "files.sha256"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def _readable(backup: Path) -> None:
    _largest(backup).chmod(0o644)


def _open_folder(backup: Path) -> None:
    backup.chmod(0o755)


def _other_owner(backup: Path) -> None:
    shutil.chown(_largest(backup), "nobody")


def _added(backup: Path) -> None:
    path = backup / "dump" / "more.dat"
    path.write_text("x")
    path.chmod(0o600)


def _linked(backup: Path) -> None:
    path = _largest(backup)
    target = backup.parent / "elsewhere"
    path.rename(target)
    path.symlink_to(target)


def _largest(backup: Path) -> Path:
    return max((backup / "dump").glob("*.dat*"), key=lambda path: path.stat().st_size)


DAMAGES = [
    _cut, _emptied, _flipped, _missing, _edited_manifest, _no_manifest, _cut_manifest, _edited_contents, _edited_list,
    _readable, _open_folder, _other_owner, _added, _linked,
]  # fmt: skip


class TestDamage:
    @pytest.fixture(scope="class")
    @staticmethod
    def pair(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
        """A database with two good backups."""
        folder = tmp_path_factory.mktemp("pair") / "backups"
        with machines.server(17).database("legacy") as database:
            settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder))
            taken(folder, settings)
            taken(folder, settings)
            yield database, folder

    @pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__.strip("_"))
    def test_is_refused_by_verify_and_by_restore_and_the_good_one_stays(
        self, pair: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = pair
        folder = tmp_path / "backups"
        shutil.copytree(original, folder, symlinks=True)
        good, bad = labels(folder)
        before = contents_of(database)
        damage(folder / bad)
        settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder))

        restored = restore({**settings, "pg_backup": bad})
        verified = backup({**settings, "pg_backup": bad})
        read = backup({**settings, "pg_backup": bad, "pg_verify": "read"})

        for result in (restored, verified, read):
            assert not result.ok
            assert f'cannot use backup "{bad}"' in result.refusals[0], result.text
        assert contents_of(database) == before
        assert copies(database.server) == []
        assert backup({**settings, "pg_backup": good}).ok
        assert labels(folder) == [good, bad]

    @pytest.mark.parametrize("damage", [_cut, _edited_manifest, _readable], ids=lambda one: one.__name__.strip("_"))
    def test_makes_the_next_run_take_another_one(
        self, pair: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = pair
        folder = tmp_path / "backups"
        shutil.copytree(original, folder, symlinks=True)
        for label in labels(folder):
            damage(folder / label)

        result = backup(database.settings(pg_skip_backup=False, pg_backup_dir=str(folder)))

        assert result.ok, result.text
        assert result.changed == ["Backup"]
        assert len(labels(folder)) == 3


def _forge(backup: Path, old: str, new: str) -> None:
    """Changes what a backup says of its contents, and all hashes with it."""
    path = backup / "contents.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    read = read_manifest((backup / "manifest.json").read_text())
    sums = {**read.sums, "contents.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    (backup / "manifest.json").write_text(replace(read, sums=sums).text() + "\n")


class TestComparison:
    @pytest.mark.parametrize(
        ("old", "new", "found"),
        [
            (
                '"public.projects": [40, "',
                '"public.projects": [41, "',
                "table public.projects has 40 rows, expected 41",
            ),
            ('"public.projects": [40, "', '"public.projects": [40, "1', "table public.projects has other contents"),
            ('"large_objects": 0', '"large_objects": 1', "there are 0 large objects, expected 1"),
        ],
    )
    def test_finds_a_copy_that_is_otherwise(
        self, kept: Callable[..., dict[str, Any]], folder: Path, server: Server, old: str, new: str, found: str
    ) -> None:
        label = taken(folder, kept())
        _forge(folder / label, old, new)

        result = backup(kept(pg_backup=label))

        assert not result.ok
        assert found in result.refusals[0], result.text
        assert manifest(folder, label)["verification"]["how"] == "failed"
        assert copies(server) == []
        assert f'cannot use backup "{label}"' in restore(kept(pg_backup=label)).refusals[0]


class TestKeeping:
    def test_as_many_stay_as_are_wanted_and_those_that_the_registry_names(
        self, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        migrate(kept(pg_target=1, pg_rehearse="off"))
        (named,) = labels(folder)

        later = [taken(folder, kept(pg_backup_keep=2)) for _ in range(4)]

        assert labels(folder) == [named, *later[2:]]

    def test_an_unverified_one_does_not_drive_out_the_last_verified_one(
        self, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        verified = taken(folder, kept(pg_backup_keep=1))
        later = [taken(folder, kept(pg_backup_keep=1, pg_verify="none")) for _ in range(3)]

        assert labels(folder) == [verified, later[-1]]

    def test_nothing_goes_when_the_new_one_failed(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        earlier = [taken(folder, kept(pg_verify="none")) for _ in range(3)]
        legacy.run(
            "CREATE ROLE only_reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader; REVOKE SELECT ON projects FROM only_reader"
        )

        result = backup(kept(pg_user="only_reader", pg_backup_keep=1))

        assert not result.ok
        assert "permission denied for table projects" in result.refusals[0], result.text
        assert labels(folder) == earlier
        assert [path.name for path in folder.glob("*.failed")] != []
        legacy.run("DROP OWNED BY only_reader; DROP ROLE only_reader")

    @pytest.mark.parametrize("how", ["read", "none"])
    def test_another_way_of_verifying_goes_down_as_what_it_is(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, how: str
    ) -> None:
        migrate(kept(pg_target=1, pg_rehearse="off"))
        label = taken(folder, kept(pg_verify=how))

        assert manifest(folder, label)["verification"]["how"] == how
        assert legacy.value("SELECT verification FROM pgmigrate.backups ORDER BY label DESC LIMIT 1") == how
        # It proves less than a restore, so it does not stand in for one.
        assert backup(kept()).changed == ["Backup"]

    def test_without_the_right_to_make_databases_the_refusal_names_the_way_out(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        legacy.run(
            "CREATE ROLE plain_reader LOGIN; GRANT pg_read_all_data TO plain_reader; ALTER ROLE plain_reader BYPASSRLS"
        )
        try:
            refused = backup(kept(pg_user="plain_reader"))
            read = backup(kept(pg_user="plain_reader", pg_verify="read"))
        finally:
            legacy.run("DROP OWNED BY plain_reader; DROP ROLE plain_reader")

        assert "permission denied to create database" in refused.refusals[0]
        assert "--data pg_verify=read" in refused.refusals[0]
        assert read.ok, read.text


class TestFetching:
    def test_a_verified_backup_is_copied_to_the_controller_once(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path
    ) -> None:
        away = tmp_path / "away"
        first = backup(kept(pg_backup_fetch=str(away)))
        second = backup(kept(pg_backup_fetch=str(away)))

        (label,) = labels(folder)
        assert first.ok, first.text
        assert second.unchanged == ["Backup"]
        here = {path.relative_to(folder): path.read_bytes() for path in (folder / label).rglob("*") if path.is_file()}
        there = {path.relative_to(away): path.read_bytes() for path in away.rglob("*") if path.is_file()}
        assert here == there
        assert {oct(path.stat().st_mode & 0o777) for path in away.rglob("*") if path.is_file()} == {"0o600"}

        _flipped(away / label)
        assert backup(kept(pg_backup_fetch=str(away))).changed == ["Backup"]
        assert (away / label / "manifest.json").read_bytes() == (folder / label / "manifest.json").read_bytes()


def _migration_with_a_unique_rule(tmp_path: Path, server: Server) -> Path:
    sql = copied(tmp_path)
    (sql / "007_unique_customer_names.sql").write_text(
        "-- purpose: no two customers of one name\n-- phase: contract\n\n"
        "CREATE UNIQUE INDEX CONCURRENTLY one_customer_a_name ON customers (name);\n"
    )
    record(sql, server)
    return sql


class TestRehearsal:
    @on_docker
    def test_a_migration_that_fails_on_real_rows_only_never_reaches_the_database(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = _migration_with_a_unique_rule(tmp_path, server)
        legacy.run("UPDATE customers SET name = id::text")
        legacy.run("UPDATE customers SET name = 'Twice' WHERE id IN (SELECT id FROM customers ORDER BY id LIMIT 2)")
        before = contents_of(legacy)

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert not result.ok
        assert result.failed == ["Backup and rehearsal"]
        (refusal,) = result.refusals
        assert 'could not apply migration "007_unique_customer_names"' in refusal
        assert "CREATE UNIQUE INDEX CONCURRENTLY one_customer_a_name" in refusal
        assert "Key (name)=(Twice) is duplicated" in refusal
        assert "Nothing was run on the database itself" in refusal
        assert contents_of(legacy) == before
        assert legacy.value("SELECT to_regclass('pgmigrate.registry')") is None
        assert copies(server) == []

    @on_all_versions
    def test_tells_afterwards_what_was_predicted_and_what_came(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        result = migrate(kept())

        assert result.ok, result.text
        assert result.changed[0] == "Backup and rehearsal"
        place = next(
            n
            for n, line in enumerate(result.lines)
            if line.startswith("001_add_variant_columns, statement 2: rehearsed ")
        )
        assert "1 of 1 lines changed" in result.lines[place]
        assert result.lines[place + 1].startswith("run ")
        assert result.lines[place + 1].endswith("; AccessExclusiveLock on project_roles")
        assert "is not in its effect" not in result.text
        assert "anew" not in result.text
        assert migrate(kept()).changed == []

    def test_goes_back_and_forward_again_where_a_script_covers_it(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        whole = migrate(kept(pg_target=6), execute=True)

        assert "rehearsal: rolled back to the same rows and catalog as before, and migrated again" in whole.text
        assert legacy.value("SELECT count(*) FROM pgmigrate.events WHERE event = 'reverted'") == 0

    def test_says_where_no_script_covers_it(self, kept: Callable[..., dict[str, Any]]) -> None:
        migrate(kept(pg_skip_backup=True, pg_target=3))

        result = migrate(kept())

        assert result.ok, result.text
        assert "no rollback script covers just these, so none is rehearsed" in result.text

    def test_finds_a_script_that_does_not_lead_back(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path
    ) -> None:
        sql = copied(tmp_path)
        script = sql / "rollback_variants.sql"
        script.write_text(script.read_text() + "\nUPDATE customers SET name = name || ' (old)';\n")
        before = contents_of(legacy)

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert not result.ok
        assert "does not lead back" in result.refusals[0]
        assert "table public.customers has other contents" in result.refusals[0]
        assert contents_of(legacy) == before

    def test_names_a_rewrite_and_a_lock(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = copied(tmp_path)
        (sql / "007_longer.sql").write_text(
            "-- purpose: more room\n-- phase: schema\n-- safe: rewrite because it is a test\n\n"
            "ALTER TABLE customers ALTER COLUMN name TYPE varchar(500) USING upper(name);\n"
        )
        record(sql, server)
        migrate(legacy.settings())

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert result.ok, result.text
        assert "wrote every row of customers anew, as its effect says" in result.text
        assert "AccessExclusiveLock on customers" in result.text

    def test_of_the_structure_alone_needs_no_backup(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
    ) -> None:
        migrate(legacy.settings(pg_target=2))

        result = migrate(kept(pg_skip_backup=True, pg_rehearse="schema"))

        assert result.ok, result.text
        assert "005_add_lookup_indexes, statement 1: rehearsed" in result.text
        assert labels(folder) == []
        assert copies(server) == []

    def test_is_left_out_where_that_is_wanted(self, kept: Callable[..., dict[str, Any]], folder: Path) -> None:
        skipped = migrate(kept(pg_skip_backup=True, pg_target=1))
        off = migrate(kept(pg_rehearse="off", pg_target=2))

        assert "Backup and rehearsal" not in skipped.changed
        assert "Backup and rehearsal" in off.changed
        assert "rehears" not in off.text.replace("Backup and rehearsal", "")
        assert len(labels(folder)) == 1

    def test_reuses_a_backup_that_is_young_enough(self, kept: Callable[..., dict[str, Any]], folder: Path) -> None:
        backup(kept())

        result = migrate(kept())

        assert result.ok, result.text
        assert len(labels(folder)) == 1
        assert "is verified and young enough" in result.text

    def test_the_dump_has_ended_before_the_first_statement(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        result = migrate(kept())

        lines = [line for line in result.lines if "statement 1, 2 in" in line or "restored into a copy" in line]
        assert "restored into a copy" in lines[0]
        assert legacy.rows("SELECT 1 FROM pg_stat_activity WHERE application_name ~ 'dump'") == []


class TestRestoring:
    @on_all_versions
    def test_brings_back_the_moment_of_the_backup(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        fill_oddly(legacy)
        before = contents_of(legacy)
        assert migrate(kept()).ok
        legacy.run("DELETE FROM project_roles; DROP TABLE nothing_in_it")
        assert contents_of(legacy) != before
        legacy.close()

        result = restore(kept(pg_backup="latest"))

        assert result.ok, result.text
        assert list(differences(before, contents_of(legacy))) == []
        (old,) = [
            row[0]
            for row in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%")
        ]
        with server.connect(old) as connection:
            assert connection.execute("SELECT count(*) FROM pgmigrate.migrations").fetchone() == (6,)
        server.administer("DROP DATABASE {} WITH (FORCE)", old)
        assert copies(server) == []

    def test_ends_sessions_that_are_in_the_way_and_lets_them_come_back_at_once(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        backup(kept())
        with Writers(legacy, reconnect=True) as writers:
            result = restore(kept(pg_backup="latest"))
            done = writers.done

        assert result.ok, result.text
        assert writers.done > done or writers.reconnects > 0
        assert writers.longest_s < 5
        self._drop_old(legacy, server)

    @staticmethod
    def _drop_old(legacy: Database, server: Server) -> None:
        legacy.close()
        with server.connect("postgres") as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{legacy.name}_before_%"]
            ).fetchall()
        for (name,) in rows:
            server.administer("DROP DATABASE {} WITH (FORCE)", name)

    def test_no_run_is_at_work_in_what_was_restored(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run(
            "INSERT INTO pgmigrate.runs (run_id, seen_at, operator, controller, inventory_host, os_user, host_name, tool_version)"
            " VALUES (gen_random_uuid(), now() + interval '1 hour', 'a', 'b', 'c', 'd', 'e', 'f')"
        )
        assert backup(kept()).ok
        legacy.close()

        assert restore(kept(pg_backup="latest", pg_run_wait_s=1)).ok

        assert legacy.value("SELECT count(*) FROM pgmigrate.runs WHERE finished_at IS NULL") == 0
        assert legacy.value("SELECT details ->> 'backup' FROM pgmigrate.events WHERE event = 'restored'") is not None
        assert migrate(legacy.settings(pg_run_wait_s=1)).ok
        self._drop_old(legacy, server)

    def test_properties_of_the_database_come_back(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        role = f"owner_{secrets.token_hex(3)}"
        legacy.run(f"CREATE ROLE {role}")
        legacy.run(
            f"ALTER DATABASE {legacy.name} SET search_path = public, pg_catalog;"
            f"ALTER DATABASE {legacy.name} SET work_mem = '8MB'; ALTER ROLE {role} IN DATABASE {legacy.name} SET work_mem = '9MB';"
            f"COMMENT ON DATABASE {legacy.name} IS 'ours'; REVOKE CONNECT ON DATABASE {legacy.name} FROM PUBLIC;"
            f"GRANT CONNECT ON DATABASE {legacy.name} TO {role} WITH GRANT OPTION; ALTER DATABASE {legacy.name} CONNECTION LIMIT 77;"
            f"ALTER DATABASE {legacy.name} OWNER TO {role}"
        )
        query = (
            "SELECT datdba::regrole::text, datacl::text, datconnlimit, shobj_description(oid, 'pg_database'),"
            " (SELECT array_agg(setconfig::text || setrole ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)"
            " FROM pg_database AS d WHERE datname = current_database()"
        )
        before = legacy.rows(query)
        try:
            assert backup(kept()).ok
            legacy.close()

            result = restore(kept(pg_backup="latest"))

            assert result.ok, result.text
            assert _sorted_grants(legacy.rows(query)) == _sorted_grants(before)
        finally:
            self._drop_old(legacy, server)
            legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")

    def test_needs_the_name_of_the_database_where_group_data_says_so(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        backup(kept())
        before = contents_of(legacy)

        for more in ({}, {"pg_confirm": "other"}):
            result = restore(kept(pg_backup="latest", pg_needs_confirm=True, **more))
            assert not result.ok
            assert f"--data pg_confirm={legacy.name}" in result.refusals[0]
        assert contents_of(legacy) == before

        legacy.close()
        assert restore(kept(pg_backup="latest", pg_needs_confirm=True, pg_confirm=legacy.name)).ok
        self._drop_old(legacy, server)

    def test_makes_a_database_that_is_gone(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        before = contents_of(legacy)
        backup(kept())
        legacy.close()
        server.administer("DROP DATABASE {}", legacy.name)

        result = restore(kept(pg_backup="latest"))

        assert result.ok, result.text
        assert list(differences(before, contents_of(legacy))) == []

    @pytest.mark.parametrize("label", ["no.such.label", "latest"])
    def test_of_a_backup_that_is_not_there_is_refused(self, kept: Callable[..., dict[str, Any]], label: str) -> None:
        result = restore(kept(pg_backup=label))

        assert not result.ok
        assert f'could not find backup "{label}"' in result.refusals[0]

    def test_without_a_label_is_refused(self, kept: Callable[..., dict[str, Any]]) -> None:
        result = restore(kept())

        assert not result.ok
        assert "--data pg_backup=latest" in result.refusals[0]

    @on_all_versions
    def test_one_table_comes_into_a_schema_beside(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        fill_oddly(legacy)
        backup(kept())
        expected = contents_of(legacy).tables
        legacy.run("DELETE FROM project_roles")

        for table, name in (("project_roles", "public.project_roles"), ('"Other Schema"."Odd ""Names"" here"',) * 2):
            result = restore(kept(pg_backup="latest", pg_table=table))

            assert result.ok, result.text
            side = next(line for line in result.lines if "is in schema" in line).split('"')[-2]
            found = {key: value for key, value in contents_of(legacy).tables.items() if side in key}
            assert list(found.values()) == [expected[name]]
        assert legacy.value("SELECT count(*) FROM project_roles") == 0
        assert copies(server) == []

    def test_a_table_that_is_not_there_is_refused(self, kept: Callable[..., dict[str, Any]]) -> None:
        backup(kept())

        result = restore(kept(pg_backup="latest", pg_table="project_rols"))

        assert not result.ok
        assert "--data pg_table=public.project_roles" in result.refusals[0]


def _sorted_grants(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [(owner, sorted(grants.strip("{}").split(",")), *rest) for owner, grants, *rest in rows]


class TestOtherServer:
    def test_a_role_that_is_missing_there_is_a_note_and_no_alarm(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
    ) -> None:
        role = f"only_here_{secrets.token_hex(3)}"
        legacy.run(
            f"CREATE ROLE {role}; GRANT SELECT ON projects TO {role}; CREATE POLICY theirs ON customers TO {role}"
        )
        try:
            with scratch_server() as found:
                other = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
                result = backup(kept(pg_verify_host=found.host))
                left = copies(other)
        finally:
            legacy.run(f"DROP POLICY theirs ON customers; DROP OWNED BY {role}; DROP ROLE {role}")

        assert result.ok, result.text
        (label,) = labels(folder)
        (note,) = manifest(folder, label)["verification"]["notes"]
        assert role in note
        assert left == copies(server) == []

    def test_an_older_server_is_refused(self, machines: Machines, kept: Callable[..., dict[str, Any]]) -> None:
        result = backup(kept(pg_verify_host=machines.server(16).conninfo["host"]))

        assert not result.ok
        assert "the server there is older" in result.refusals[0]
        assert copies(machines.server(16)) == []
