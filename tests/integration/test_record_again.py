"""Recording again, where effects are there: those that are current stay, if they are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.migrations.effect import Effect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.record import Recorder, record_folder

from tests.integration.recordings import conninfo, written
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("nothing_left")


class TestAgain:
    """Recording again, where effects are there: those that are current stay, if they are right."""

    FILES: ClassVar[tuple[str, ...]] = (
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)",
        "ALTER TABLE a ADD COLUMN n text; CREATE INDEX CONCURRENTLY a_n ON a (n); VACUUM a",
        "ALTER TABLE a ALTER n SET DEFAULT 'x'",
    )

    def _written(self, server: Server, folder: Path, **more: Any) -> tuple[dict[str, str], list[str]]:
        told: list[str] = []
        texts = record_folder(folder, conninfo(server), tell=told.append, **more)
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
        return texts, told

    @pytest.fixture
    def looked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Names of the migrations that were recorded, and not only run."""
        found: list[str] = []
        record = Recorder.record

        def noted(recording: Recorder, migration: Migration, *, base: str) -> Effect:
            found.append(migration.name)
            return record(recording, migration, base=base)

        monkeypatch.setattr(Recorder, "record", noted)
        return found

    def test_only_what_is_new_is_recorded(self, server: Server, tmp_path: Path, looked: list[str]) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        again = written(tmp_path, *self.FILES, "CREATE VIEW v AS SELECT * FROM a")
        looked.clear()

        texts, told = self._written(server, again, reuses=True)

        assert looked == ["004_m"]
        assert {name: texts[name] for name in whole} == whole
        assert told == []
        assert texts == record_folder(again, conninfo(server))

    def test_one_that_is_missing_alone(self, server: Server, tmp_path: Path, looked: list[str]) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        (folder / "002_m.effect").unlink()
        looked.clear()

        assert self._written(server, folder, reuses=True)[0] == whole
        assert looked == ["002_m"]

    # What the session of one has is not there for the next one, nor in the way of it.
    TOGETHER: ClassVar[tuple[str, ...]] = (
        "CREATE TEMP TABLE t (id int); PREPARE p AS SELECT 1; CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TEMP TABLE t (id int); PREPARE p AS SELECT 1; CREATE TABLE b (a int REFERENCES a DEFERRABLE)",
        "SET LOCAL search_path = pg_temp; CREATE TABLE t (id int); SELECT set_config('search_path', 'pg_temp', false)",
        "INSERT INTO b DEFAULT VALUES; COMMENT ON TABLE b IS 'two\\s'",
    )  # fmt: skip

    def test_those_of_one_transaction_that_are_sent_at_once(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, *self.TOGETHER)
        self._written(server, folder, is_throwaway=True)
        again = written(tmp_path, *self.TOGETHER, "CREATE VIEW v AS SELECT b.a FROM a JOIN b ON b.a = a.id")

        texts, told = self._written(server, again, is_throwaway=True, reuses=True)

        assert told == []
        assert texts == record_folder(again, conninfo(server), is_throwaway=True)

    def test_one_that_fails_now_is_named_with_its_statement(self, server: Server, tmp_path: Path) -> None:
        fails = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_database WHERE datname = 'fails') THEN RAISE 'not now'; END IF; END $$"
        folder = written(tmp_path, "CREATE TABLE a (id int)", f"CREATE TABLE b (id int);\n{fails}")
        self._written(server, folder, is_throwaway=True)
        again = written(tmp_path, "CREATE TABLE a (id int)", f"CREATE TABLE b (id int);\n{fails}", "CREATE TABLE c ()")
        server.administer("CREATE DATABASE {}", "fails")
        try:
            with pytest.raises(PgMigrateError, match=r"002_m.sql, line 5: not now"):
                self._written(server, again, is_throwaway=True, reuses=True)
        finally:
            server.administer("DROP DATABASE {}", "fails")

    @pytest.mark.parametrize("wrong", ["+ column a.n text\n", "+ index a_n"])
    def test_one_that_says_something_else_has_all_recorded(
        self, server: Server, tmp_path: Path, looked: list[str], wrong: str
    ) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        path = folder / "002_m.effect"
        changed = path.read_text().replace(wrong, wrong.replace("a", "b", 1))
        assert changed != path.read_text()
        path.write_text(changed)
        looked.clear()

        texts, told = self._written(server, folder, reuses=True)

        assert texts == whole
        assert looked == ["001_m", "002_m", "003_m"]
        assert "the recorded effects do not lead to this catalog" in told[0]

    def test_one_that_cannot_be_read(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        (folder / "001_m.effect").write_text("nothing of the kind\n")

        assert self._written(server, folder, reuses=True)[0] == whole

    def test_what_fails_on_the_way_is_told_as_when_it_is_recorded(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, *self.FILES)
        self._written(server, folder)
        (folder / "001_m.verify.sql").write_text("SELECT 'a' AS object, 'wrong' AS problem")

        with pytest.raises(PgMigrateError, match=r"cannot use 001_m\.verify\.sql"):
            self._written(server, folder, reuses=True)
