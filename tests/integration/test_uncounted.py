"""What a statement writes where the server is told to count no rows is recorded all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog, is_own
from pyinfra_pgmigrate.embedded import scratch_server
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.files import load_folder
from pyinfra_pgmigrate.migrations.record import Recorder, record_folder

from tests.support.harness import migrate
from tests.support.servers import Server

# No file that names the setting is taken; a name that is put together is not seen.
FUNCTION = """
DO $do$
BEGIN
    EXECUTE pg_catalog.format(
        'CREATE FUNCTION unseen() RETURNS void LANGUAGE plpgsql SET track_%s = off AS $$ '
        'BEGIN CREATE TABLE made (id int); END $$', 'counts'
    );
END
$do$;
"""
# Not the first statements: all of a small catalog is read after those.
MANY = ";\n".join(f"CREATE TABLE before_{number} (id int)" for number in range(14))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A history in which a function makes a table of which the server counts no row."""
    for number, text in enumerate((MANY, FUNCTION, "SELECT unseen();", "CREATE TABLE after ();"), start=1):
        (tmp_path / f"{number:03}_one.sql").write_text(text)
    return tmp_path


def test_its_effect_is_recorded(server: Server, folder: Path) -> None:
    told: list[str] = []
    write(folder, record_folder(folder, conninfo(server), tell=told.append))

    effect = load_folder(folder)[2].effect
    assert effect is not None
    assert effect.patch.plus == {"table made", "column made.id integer"}
    assert len(told) == 1
    assert "do not lead to this catalog" in told[0]
    with server.database("empty") as database:
        result = migrate(database.settings(pg_sql_dir=str(folder)))
        assert result.ok, result.text
        assert "table made" in {line for line in database.catalog().lines if not is_own(line)}


def test_one_that_was_recorded_as_nothing_is_recorded_again(server: Server, folder: Path) -> None:
    write(folder, record_folder(folder, conninfo(server)))
    path = folder / "003_one.effect"
    right = path.read_text()
    path.write_text("".join(line for line in right.splitlines(keepends=True) if not line.startswith("+ ")))

    texts = record_folder(folder, conninfo(server), reuses=True)

    assert texts["003_one.effect"] == right


@pytest.mark.parametrize("is_throwaway", [True, False])
def test_a_role_that_it_makes_is_found(tmp_path: Path, is_throwaway: bool) -> None:
    for number, text in enumerate((MANY, FUNCTION.replace("TABLE made (id int)", "ROLE made"), "SELECT unseen();"), 1):
        (tmp_path / f"{number:03}_one.sql").write_text(text)

    with scratch_server() as own:
        reach = f"host={own.host} port={own.port} user={own.user} dbname=postgres"
        with pytest.raises(PgMigrateError) as refused:
            record_folder(tmp_path, reach, is_throwaway=is_throwaway)

    assert refused.value.refusal.kind is Kind.FILE
    assert "what belongs to the whole server is no part of a migration" in refused.value.refusal.message
    assert 'the role "made"' in refused.value.refusal.detail


def test_what_cannot_be_followed_is_refused(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "followed", Catalog.of(["table other"]))

    with pytest.raises(PgMigrateError) as refused:
        record_folder(folder, conninfo(server))

    assert refused.value.refusal.kind is Kind.FILE
    assert "what its statements write to the catalog cannot be seen" in refused.value.refusal.message


def conninfo(server: Server) -> str:
    """Returns where the library reaches a server."""
    return " ".join(f"{name}='{value}'" for name, value in server.conninfo.items()) + " dbname=postgres"


def write(folder: Path, texts: dict[str, str]) -> None:
    """Writes effects beside their migrations."""
    for name, text in texts.items():
        (folder / name).write_text(text)
