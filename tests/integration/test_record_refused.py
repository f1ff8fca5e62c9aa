"""What cannot be recorded: what belongs to the whole server, what is missing there, a baseline that does not run."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.cli import main
from pyinfra_pgmigrate.migrations.effect import Effect
from pyinfra_pgmigrate.migrations.files import read_folder
from pyinfra_pgmigrate.migrations.record import recorder

from tests.integration.recordings import (
    HEADER,
    IN_BATCHES,
    conninfo,
    lines,
    on_newest,
    on_oldest_and_newest,
    recorded,
    recorder_on,
    refusal,
    refused_by,
    sleepers,
    with_role,
    written,
)
from tests.support.servers import Server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("nothing_left")


@on_oldest_and_newest
class TestWholeServer:
    """What stays when the scratch database goes is refused, also where the text does not show it."""

    BLOCKS = (
        ("CREATE ROLE record_new", 'the role "record_new"'),
        ("ALTER ROLE record_old CONNECTION LIMIT 3", 'the role "record_old"'),
        ("ALTER ROLE record_old PASSWORD ''hidden''", "the role"),
        ("DROP ROLE record_old", 'the role "record_old"'),
        ("GRANT pg_read_all_data TO record_old", 'the membership "record_old in pg_read_all_data"'),
        ("ALTER ROLE record_old SET work_mem = ''1MB''", "the"),
        ("ALTER DATABASE postgres SET work_mem = ''1MB''", 'the setting "all roles in postgres"'),
        ("GRANT CREATE ON DATABASE postgres TO record_old", 'the database "postgres"'),
        ("COMMENT ON ROLE record_old IS ''x''", 'the comment "role record_old"'),
        ("GRANT CREATE ON TABLESPACE pg_default TO record_old", 'the tablespace "pg_default"'),
        ("GRANT SET ON PARAMETER work_mem TO record_old", 'the parameter "work_mem"'),
    )

    def test_a_block_that_changes_it_is_refused_and_undone(self, server: Server, tmp_path: Path) -> None:
        with_role(server, "record_old")
        before = whole_server(server)
        texts = [
            f"CREATE TABLE a (id integer);\n\nDO $$ BEGIN EXECUTE '{statement}'; END $$;\nSELECT 1;"
            for statement, _ in self.BLOCKS
        ]
        with recorder_on(server, written(tmp_path, *texts)) as it:
            refused = [refused_by(it, migration) for migration in read_folder(tmp_path)]

        assert whole_server(server) == before
        for (_, found), text in zip(self.BLOCKS, refused, strict=True):
            assert ", line 6: what belongs to the whole server is no part of a migration" in text
            assert f"Found that it changes {found}" in text
            assert "from pyinfra.operations" in text

    def test_so_is_one_in_batches_and_one_in_a_trigger(self, server: Server, tmp_path: Path) -> None:
        before = whole_server(server)
        function = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE record_new; RETURN NULL; END $$;
            CREATE TABLE a (id integer);
            CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"""
        batch = "WITH x AS (INSERT INTO a VALUES (1)) SELECT NULL AS last_key, 1 AS row_count"

        in_trigger = refusal(server, written(tmp_path, function, "INSERT INTO a VALUES (1);"))
        (tmp_path / "001_m.sql").write_text(HEADER + function.replace("DEFERRABLE INITIALLY DEFERRED", ""))
        (tmp_path / "002_m.sql").write_text(IN_BATCHES + batch)
        in_batches = refusal(server, tmp_path)

        assert 'Found that it changes the role "record_new"' in in_trigger
        assert 'Found that it changes the role "record_new"' in in_batches
        assert whole_server(server) == before

    @pytest.mark.parametrize("statement", ["CREATE ROLE record_new", "DO $$ BEGIN CREATE ROLE record_new; END $$"])
    def test_so_is_one_in_the_baseline(self, server: Server, tmp_path: Path, statement: str) -> None:
        before = whole_server(server)

        found = refusal(server, written(tmp_path, "SELECT 1", baseline=f"SELECT 1;\n{statement};"))

        assert "cannot use baseline.sql, line 2: what belongs to the whole server" in found
        assert whole_server(server) == before

    def test_a_baseline_may_make_roles_on_a_server_that_is_thrown_away(self, server: Server, tmp_path: Path) -> None:
        folder = written(
            tmp_path,
            "CREATE TABLE a (id integer); GRANT SELECT ON a TO record_reader;",
            "DO $$ BEGIN CREATE ROLE record_new; END $$",
            baseline="CREATE ROLE record_reader;",
        )
        try:
            with recorder(conninfo(server), is_throwaway=True, tell=print) as it:
                it.run_baseline(folder)
                first, second = read_folder(folder)

                assert "+ table a" in lines(it.record(first, base=""))
                assert 'changes the role "record_new"' in refused_by(it, second)
        finally:
            server.administer("DROP ROLE {}", "record_reader")

    def test_what_others_do_meanwhile_is_not_held_against_a_migration(self, server: Server, tmp_path: Path) -> None:
        text = """DO $$ BEGIN
            WHILE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'record_others') LOOP PERFORM pg_sleep(0.01); END LOOP;
            END $$;
            CREATE TABLE a (id integer);"""
        found: list[Effect] = []
        worker = threading.Thread(target=lambda: found.extend(recorded(server, written(tmp_path, text))))
        worker.start()
        try:
            wait_for(lambda: sleepers(server), what="the migration at work", seconds=60)
        finally:
            with_role(server, "record_others")
            worker.join()
            server.administer("DROP ROLE {}", "record_others")

        assert lines(found[0]) == ["+ column a.id integer", "+ table a"]

    def test_a_missing_role_is_told_with_its_cure(self, server: Server, tmp_path: Path) -> None:
        found = refusal(server, written(tmp_path, "CREATE TABLE a (); GRANT SELECT ON a TO record_missing;"))

        assert 'role "record_missing" does not exist' in found
        assert "HINT: Record on a server that has the role" in found


@on_oldest_and_newest
def test_a_missing_extension_is_told_with_its_cure(server: Server, tmp_path: Path) -> None:
    found = refusal(server, written(tmp_path, "CREATE EXTENSION IF NOT EXISTS nobody_has_this;"))

    assert "HINT: Record on a server that has the extension" in found


TODAY = date.today()
DATED = (
    ("CREATE TABLE t (at timestamp); CREATE VIEW v AS SELECT FROM t WHERE at > 'now'::timestamp;", "view v"),
    ("CREATE TABLE t (at date DEFAULT 'today');", "column t.at"),
    (
        "DO $$ BEGIN EXECUTE format('CREATE TABLE events_%s (id int)', to_char(now(), 'YYYY_MM')); END $$;",
        "column events_20",
    ),
    ("DO $$ BEGIN EXECUTE format('CREATE TABLE p%s ()', to_char(now() + '1 day', 'YYYYMMDD')); END $$;", "table p20"),
)


@pytest.mark.parametrize(("text", "found"), DATED)
@on_oldest_and_newest
def test_what_is_another_one_on_another_day_is_refused(server: Server, tmp_path: Path, text: str, found: str) -> None:
    refused = refusal(server, written(tmp_path, text))

    assert ": what it does depends on the day" in refused
    assert f" in {found}" in refused


@on_newest
def test_what_says_the_day_or_asks_for_it_later_is_recorded(server: Server, tmp_path: Path) -> None:
    text = f"""CREATE TABLE t (at timestamp DEFAULT now()); CREATE VIEW v AS SELECT FROM t WHERE at > now() - '1 day'::interval;
        CREATE TABLE events_{TODAY:%Y_%m} (day date DEFAULT '{TODAY}');
        DO $$ BEGIN FOR month IN 1..12 LOOP
            EXECUTE format('CREATE TABLE of_{TODAY:%Y}_%s (id int)', to_char(month, 'FM00')); END LOOP; END $$;
        DO $$ BEGIN /* of {TODAY:%Y_%m} */ EXECUTE format('CREATE TABLE p_%s ()', to_char(now(), 'YYYY_MM')); END $$;"""

    (effect,) = recorded(server, written(tmp_path, text))

    for name in ("events", "of", "p"):
        assert f"+ table {name}_{TODAY:%Y_%m}" in lines(effect)


def whole_server(server: Server) -> list[tuple[Any, ...]]:
    """Returns roles, memberships, settings, databases and comments of the server."""
    with server.connect("postgres") as connection:
        return connection.execute(
            "SELECT 'role', to_jsonb(r)::text FROM pg_authid AS r UNION ALL SELECT 'member', to_jsonb(m)::text FROM pg_auth_members AS m"
            " UNION ALL SELECT 'setting', to_jsonb(s)::text FROM pg_db_role_setting AS s"
            " UNION ALL SELECT 'database', concat_ws(' ', datname, datdba, datacl, datconnlimit) FROM pg_database WHERE datname = 'postgres'"
            " UNION ALL SELECT 'tablespace', to_jsonb(t)::text FROM pg_tablespace AS t"
            " UNION ALL SELECT 'parameter', to_jsonb(p)::text FROM pg_parameter_acl AS p"
            " UNION ALL SELECT 'comment', to_jsonb(c)::text FROM pg_shdescription AS c ORDER BY 1, 2"
        ).fetchall()


@on_newest
class TestRefusals:
    """What cannot be recorded is said in three lines."""

    def test_without_createdb(self, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with_role(server, "record_plain", "LOGIN PASSWORD 'plain'")
        reach = conninfo(server, user="record_plain", password="plain")

        assert main(["record", str(written(tmp_path, "SELECT 1")), "--server", reach]) == 1

        assert capsys.readouterr().err.splitlines() == [
            "could not make a scratch database: permission denied to create database",
            'DETAIL: Found role "record_plain"; expected one that may make databases.',
            'HINT: Run as a superuser: ALTER ROLE "record_plain" CREATEDB; or record on the embedded PostgreSQL, without --server.',
        ]

    @pytest.mark.parametrize(
        ("baseline", "message"),
        [
            (b"SELECT 1;\nSELECT FROM FROM;", 'cannot use baseline.sql, line 2: syntax error at or near "FROM"'),
            (b"SELECT 1;\nSELECT nothing;", 'could not record baseline.sql, line 2: column "nothing" does not exist'),
            (b"SELECT 1;\nSELECT '\xfc';", "could not read baseline.sql, line 2: it is no UTF-8 text"),
            (b"COPY a FROM STDIN;", "could not record baseline.sql, line 1: "),
        ],
    )
    def test_a_baseline_that_does_not_run(
        self, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], baseline: bytes, message: str
    ) -> None:
        (written(tmp_path, "SELECT 1") / "baseline.sql").write_bytes(baseline)

        assert main(["record", str(tmp_path), "--server", conninfo(server)]) == 1

        first, *others = capsys.readouterr().err.splitlines()
        assert first.startswith(message)
        assert [line.split(" ")[0] for line in others] == ["DETAIL:", "HINT:"]

    def test_a_baseline_may_end_within_a_transaction_or_bring_its_own(self, server: Server, tmp_path: Path) -> None:
        baseline = "BEGIN; CREATE TABLE a (id integer); COMMIT; BEGIN; CREATE TABLE b (id integer);"

        (effect,) = recorded(server, written(tmp_path, "CREATE TABLE b AS TABLE a;", baseline=baseline))

        assert "+ table b" in lines(effect)
