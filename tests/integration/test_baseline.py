"""``pgmigrate baseline``: the structure of a database that exists, as the beginning of a project."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main

from tests.conftest import on_all_versions, on_versions
from tests.support.harness import migrate, status
from tests.support.migrations import record
from tests.support.servers import Database, Server


def conninfo(database: Database) -> str:
    return " ".join(f"{name}={value}" for name, value in database.server.conninfo.items()) + f" dbname={database.name}"


@on_all_versions
def test_what_is_there_comes_again_on_the_scratch_server(
    legacy: Database, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    legacy.run(
        "CREATE ROLE baseline_reader; GRANT SELECT ON customers TO baseline_reader; CREATE PUBLICATION all_of_it"
    )
    try:
        assert main(["baseline", str(tmp_path), "--from", conninfo(legacy)]) == 0
    finally:
        legacy.run("DROP PUBLICATION all_of_it; DROP OWNED BY baseline_reader; DROP ROLE baseline_reader")

    printed = capsys.readouterr().out
    assert "left out: grants on 1 relations" in printed
    assert "left out: publication all_of_it" in printed
    assert "left out: owners: " in printed
    text = (tmp_path / "baseline.sql").read_text()
    assert "restrict" not in text
    assert "set_config" not in text
    with server.database("empty") as copy:
        copy.run(text)
        assert copy.structure() == legacy.structure()
    (tmp_path / "001_add_phone.sql").write_text("ALTER TABLE customers ADD COLUMN phone text;")
    record(tmp_path, server)
    settings = legacy.settings(pg_sql_dir=str(tmp_path))
    assert migrate(settings).changed == ["001_add_phone"]
    assert "no drift" in status(settings).lines


@on_versions(18)
def test_one_that_is_there_stays_and_one_that_cannot_be_read_is_told(
    legacy: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "baseline.sql").write_text("-- mine\n")

    assert main(["baseline", str(tmp_path), "--from", conninfo(legacy)]) == 1
    assert capsys.readouterr().err.startswith(f"could not write {tmp_path}/baseline.sql: it is there already\n")
    assert (tmp_path / "baseline.sql").read_text() == "-- mine\n"
    for wrong in (f"{conninfo(legacy)}_gone password=geheim", "host=/nowhere", "port=x", "postgres://%"):
        assert main(["baseline", str(tmp_path / "sql"), "--from", wrong]) == 1
        printed = capsys.readouterr().err
        assert printed.startswith("could not read the database for a baseline\nDETAIL: Found: ")
        assert "geheim" not in printed
    assert not (tmp_path / "sql").exists()
