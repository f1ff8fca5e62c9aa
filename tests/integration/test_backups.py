"""Backups that prove themselves: taken, kept, verified here and on another server; on dockerized PostgreSQL 17 and others."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup import claim
from pyinfra_pgmigrate.embedded import scratch_server

from tests.conftest import Machines, on_all_versions, on_docker, on_versions
from tests.support.backups import copies, fill_oddly, labels, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate
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
