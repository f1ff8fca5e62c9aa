"""Backups that prove themselves: taken, verified, kept, refused, restored; on dockerized PostgreSQL 17 and others."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup import claim
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.backup.manifest import read_manifest
from pyinfra_pgmigrate.copies.restore_log import differences
from pyinfra_pgmigrate.embedded import scratch_server

from tests.conftest import Machines, first, on_all_versions, on_docker, on_versions
from tests.support.backups import ODD, copies, fill_oddly, labels, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, restore
from tests.support.servers import Database, Server
from tests.support.writers import Writers


class TestTaking:
    @on_versions(16)
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
    def test_what_the_manifest_says_is_true_while_8_clients_write(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        rows = []
        # With a breath after each turn, or backups wait for the processor most of the time.
        with Writers(legacy, pause_s=0.03) as writers:
            for _ in range(2):
                done = writers.done
                # Verified means: restored, and every count and hash is that of the manifest.
                label = taken(folder, kept())
                found = manifest(folder, label)
                rows.append(found["rows"])
                assert found["verification"]["how"] == "restore"
                assert writers.done > done

        assert rows == sorted(rows)
        assert len(set(rows)) == 2
        assert writers.errors == []

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
        assert legacy.rows("SELECT label, verification FROM pgmigrate.backups ORDER BY taken_at") == [
            (first, "restore"),
            (second, "restore"),
        ]

    def test_too_little_room_is_refused_before_anything_is_written(
        self, kept: Callable[..., dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pyinfra_pgmigrate.backup.store.Store.needed_bytes", lambda *_: 1 << 60)

        result = backup(kept())

        assert not result.ok
        assert "not enough room in" in result.refusals[0]
        assert labels(folder) == []

    @pytest.mark.parametrize("watched", [True, False])
    def test_progress_is_told_to_whoever_looks_on_and_to_others_less_often(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, watched: bool
    ) -> None:
        monkeypatch.setattr(claim, "is_watched", lambda: watched)
        monkeypatch.setattr(claim, "_UNWATCHED_S", 0.01)
        monkeypatch.setattr(claim, "_BEAT_S", 0.05)
        legacy.run("CREATE TABLE large AS SELECT i, repeat('x', 100) || i AS text FROM generate_series(1, 400000) AS i")

        result = backup(kept())

        found = [line for line in result.lines if "dump: large, " in line and " rows, " in line]
        assert found, result.text
        assert all(re.search(r"; in all [\d.]+ [KM]?i?B(?: of about [\d.]+ MiB)?", line) for line in found), found

    def test_progress_of_reading_a_backup_is_told(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claim, "is_watched", lambda: True)
        monkeypatch.setattr(claim, "_BEAT_S", 0.02)
        legacy.run(
            "CREATE TABLE large AS SELECT i, md5(i::text) || md5((i + 1)::text) AS t FROM generate_series(1, 900000) AS i"
        )

        result = backup(kept(pg_verify="read"))

        found = [line for line in result.lines if re.search(r" s: read: [\d.]+ [KM]?i?B", line)]
        assert found, result.text

    @on_all_versions
    def test_rights_that_were_given_and_taken_again_are_none(self, server: Server, tmp_path: Path) -> None:
        with server.database("empty") as database:
            database.run("""
                CREATE TABLE a (n int);
                CREATE VIEW v AS SELECT n FROM a;
                CREATE SEQUENCE s;
                CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;
                CREATE TYPE t AS (n int);
                CREATE DOMAIN d AS int;
                CREATE SCHEMA x;
                CREATE FOREIGN DATA WRAPPER w;
                CREATE SERVER r FOREIGN DATA WRAPPER w;
                CREATE TABLE kept (n int);
                GRANT SELECT ON kept TO pg_monitor;
                REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC;
            """)
            before = database.catalog()
            for what in (
                "SELECT ON a", "SELECT (n) ON a", "SELECT ON v", "USAGE ON SEQUENCE s", "USAGE ON TYPE t", "USAGE ON TYPE d",
                "USAGE ON SCHEMA x", "USAGE ON FOREIGN DATA WRAPPER w", "USAGE ON FOREIGN SERVER r", "EXECUTE ON FUNCTION f()",
            ):  # fmt: skip
                database.run(f"GRANT {what} TO pg_monitor; REVOKE {what} FROM pg_monitor")
            settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"))

            result = backup(settings)

            assert result.ok, result.text
            assert database.catalog().lines == before.lines
            assert any(line.startswith("grant table kept pg_monitor SELECT") for line in before.lines)
            assert any(line.startswith("grant function f() ") for line in before.lines)


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

    # What is damaged otherwise: tests/security/test_files.py.
    @first(4)
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
            assert f'backup "{bad}" is damaged' in result.refusals[0], result.text
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
        assert f'backup "{label}" is damaged' in restore(kept(pg_backup=label)).refusals[0]


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
            "CREATE ROLE only_reader LOGIN BYPASSRLS; GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader; "
            "REVOKE SELECT ON projects FROM only_reader"
        )

        result = backup(kept(pg_user="only_reader", pg_backup_keep=1, pg_verify="read"))

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

        assert "it may not make databases" in refused.refusals[0]
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
