"""Recording on a server in a container that is there meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyinfra_pgmigrate import cli
from pyinfra_pgmigrate.container import container_server
from pyinfra_pgmigrate.errors import Kind, PgMigrateError

from tests.docker.hosts import engine, image
from tests.support.folders import written
from tests.support.servers import Server


def left() -> list[str]:
    """Returns the containers of recordings that are there."""
    return [
        str(one.name) for one in engine().containers.list(all=True) if str(one.name).startswith("pgmigrate-record-")
    ]


def test_an_effect_is_the_one_of_the_embedded_server(server: Server, tmp_path: Path) -> None:
    folder = written(tmp_path / "sql", server, "CREATE TABLE a (id integer PRIMARY KEY);")
    effect = folder / "001_m.effect"
    before = effect.read_text()
    effect.unlink()

    assert cli.main(["record", str(folder), "--docker", image(17)]) == 0

    assert effect.read_text() == before
    assert left() == []


def test_an_extension_that_the_embedded_server_lacks_is_recorded_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "001_similar.sql").write_text("CREATE EXTENSION pg_trgm;\n")

    assert cli.main(["record", str(tmp_path)]) == 1
    refused = capsys.readouterr().err
    assert cli.main(["record", str(tmp_path), "--docker", image(15)]) == 0

    assert "pgmigrate record --docker IMAGE" in refused
    assert "extension pg_trgm" in (tmp_path / "001_similar.effect").read_text()
    assert left() == []


class TestRefusals:
    def test_of_an_image_that_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "001_m.sql").write_text("CREATE TABLE a (id integer);\n")

        assert cli.main(["record", str(tmp_path), "--docker", "pgmigrate-none:0"]) == 1

        message, detail, hint = capsys.readouterr().err.splitlines()
        assert message == 'could not start PostgreSQL in a container of image "pgmigrate-none:0"'
        assert detail.startswith("DETAIL: Found: ")
        assert "expected docker run to succeed" in detail
        assert hint.startswith("HINT: Try by hand: docker run --rm -e POSTGRES_PASSWORD=secret pgmigrate-none:0")

    def test_of_one_in_which_no_server_is(self) -> None:
        # It has no init system to start with, so that it ends at once.
        with pytest.raises(PgMigrateError) as refused, container_server(_without_a_server()):
            pass

        assert refused.value.refusal.kind is Kind.SETTINGS
        assert left() == []

    def test_without_docker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: None)

        with pytest.raises(PgMigrateError, match="could not start PostgreSQL") as refused, container_server("x"):
            pass
        assert "Found no command docker" in refused.value.refusal.detail


def _without_a_server() -> str:
    return next(tag for one in engine().images.list() for tag in one.tags if tag.startswith("pgmigrate-debian:"))
