"""What belongs to a database besides its contents comes back with it, or is named before a restore begins."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.embedded import scratch_server

from tests.support.backups import copies
from tests.support.harness import Result, backup, restore
from tests.support.servers import Database, Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with tablespaces, logical replication and prepared transactions."""
    with scratch_server() as found, tempfile.TemporaryDirectory(prefix="pgmigrate-space-") as spaces:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        for name, value in (("wal_level", "logical"), ("max_prepared_transactions", "4")):
            server.administer(f"ALTER SYSTEM SET {name} = '{value}'")
        with server.connect("postgres") as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        data = Path(row[0])
        owner = data.stat().st_uid
        who: dict[str, Any] = {"user": owner, "group": data.stat().st_gid} if owner != os.geteuid() else {}
        command = [str(found.bin_dir / "pg_ctl"), "restart", "-D", str(data), "-w", "-l", str(data / "restarted.log")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
        Path(spaces).chmod(0o755)
        place = Path(spaces) / "fast8"
        place.mkdir()
        os.chown(place, owner, -1)
        server.administer(f"CREATE TABLESPACE fast8 LOCATION '{place}'")
        yield server


@pytest.fixture
def verbs(
    legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
) -> Iterator[Callable[..., tuple[Result, Result]]]:
    """Returns a function that restores the latest backup, and what a dry run said before."""

    def both(**more: Any) -> tuple[Result, Result]:
        legacy.close()
        settings = kept(pg_backup="latest", **more)
        return restore(settings, execute=False), restore(settings)

    yield both
    legacy.close()
    with server.connect("postgres") as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{legacy.name}_before_%"])
        for (name,) in rows.fetchall():
            with server.connect(name) as inside:
                inside.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
                inside.execute("DROP SUBSCRIPTION IF EXISTS news")
            server.administer("ALTER DATABASE {} IS_TEMPLATE false", name)
            server.administer("DROP DATABASE {} WITH (FORCE)", name)


class TestKept:
    def test_tablespace_and_whether_it_is_a_template(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], verbs: Callable[..., tuple[Result, Result]]
    ) -> None:
        legacy.close()
        for text in ("ALTER DATABASE {} SET TABLESPACE fast8", "ALTER DATABASE {} IS_TEMPLATE true"):
            legacy.server.administer(text, legacy.name)
        query = (
            "SELECT spcname, datistemplate FROM pg_database AS d JOIN pg_tablespace AS t ON t.oid = dattablespace"
            " WHERE datname = current_database()"
        )
        before = legacy.rows(query)
        assert before == [("fast8", True)]
        assert backup(kept()).ok

        dry, result = verbs()

        assert result.ok, result.text
        assert legacy.rows(query) == before
        assert "tablespace" not in dry.text + result.text
        legacy.server.administer("ALTER DATABASE {} IS_TEMPLATE false", legacy.name)


class TestToldBefore:
    def test_slots_and_subscriptions_by_their_names(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], verbs: Callable[..., tuple[Result, Result]]
    ) -> None:
        assert backup(kept(pg_verify="read")).ok
        legacy.run("SELECT pg_create_logical_replication_slot('to_the_shop', 'pgoutput')")
        legacy.run(
            "CREATE SUBSCRIPTION news CONNECTION 'dbname=none' PUBLICATION none WITH (connect = false, slot_name = NONE)"
        )

        dry, result = verbs()

        assert result.ok, result.text
        for one in (dry, result):
            assert 'note: logical replication slot "to_the_shop" stays with the database that is kept' in one.text
            assert 'note: subscription "news" stays with the database that is kept' in one.text
        assert result.text.rindex('"to_the_shop"') < result.text.index("restoring backup")
        assert (
            legacy.rows(
                "SELECT 1 FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid"
                " WHERE datname = current_database()"
            )
            == []
        )

    def test_a_tablespace_that_is_gone(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        verbs: Callable[..., tuple[Result, Result]],
        server: Server,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        with tempfile.TemporaryDirectory(prefix="pgmigrate-space-") as place:
            Path(place).chmod(0o755)
            inside = Path(place) / "gone"
            inside.mkdir()
            with server.connect("postgres") as connection:
                row = connection.execute("SHOW data_directory").fetchone()
            assert row is not None
            os.chown(inside, Path(row[0]).stat().st_uid, -1)
            server.administer(f"CREATE TABLESPACE gone LOCATION '{inside}'")
            legacy.close()
            server.administer("ALTER DATABASE {} SET TABLESPACE gone", legacy.name)
            assert backup(kept(pg_verify="read")).ok
            server.administer("ALTER DATABASE {} SET TABLESPACE pg_default", legacy.name)
            server.administer("DROP TABLESPACE gone")

        dry, result = verbs()

        assert result.ok, result.text
        for one in (dry, result):
            assert 'note: tablespace "gone" is not on this server' in one.text

    def test_a_prepared_transaction_is_refused_by_its_id_and_the_advice_works(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], verbs: Callable[..., tuple[Result, Result]]
    ) -> None:
        assert backup(kept(pg_verify="read")).ok
        legacy.run("BEGIN; CREATE TABLE t (i int); PREPARE TRANSACTION 'it''s mine'")

        dry, refused = verbs()

        for one in (dry, refused):
            assert not one.ok
            assert "it has prepared transactions" in one.refusals[0]
            assert "ROLLBACK PREPARED 'it''s mine'" in one.refusals[0]
        assert copies(legacy.server) == []
        legacy.run("ROLLBACK PREPARED 'it''s mine'")
        assert verbs()[1].ok

    def test_a_security_label_whose_provider_is_not_here(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], verbs: Callable[..., tuple[Result, Result]]
    ) -> None:
        # As a server with that provider has it: none comes with PostgreSQL.
        legacy.run(
            "SET allow_system_table_mods = on; INSERT INTO pg_shseclabel SELECT oid, 'pg_database'::regclass, 'selinux',"
            " 'secret' FROM pg_database WHERE datname = current_database()"
        )
        assert backup(kept(pg_verify="read")).ok

        _, result = verbs()

        assert result.ok, result.text
        assert "note: SECURITY LABEL FOR selinux ON DATABASE" in result.text
