"""Several databases of one host in one run: each for itself, and what is refused on one leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import DeployError
from pyinfra_pgmigrate import migrate_database

from tests.support.folders import written
from tests.support.harness import backup, migrate, restore, rollback, run, status, validate
from tests.support.servers import Database, Server

ALL_APPLIED = [(version,) for version in range(1, 7)]


@pytest.fixture
def three(server: Server) -> Iterator[list[Database]]:
    """Three databases with the legacy structure and some rows."""
    with ExitStack() as stack:
        yield [stack.enter_context(server.database("legacy")) for _ in range(3)]


def settings(databases: list[Database], **more: Any) -> dict[str, Any]:
    """Returns host data with which the library reaches all of them."""
    common = databases[0].settings(**more)
    del common["pg_database"]
    return {"pg_databases": [one.name for one in databases], **common}


def applied(database: Database) -> list[tuple[int]]:
    """Returns the versions that are registered; none without a registry."""
    if database.value("SELECT to_regclass('pgmigrate.migrations')") is None:
        return []
    return [(version,) for (version,) in database.rows("SELECT version FROM pgmigrate.migrations ORDER BY 1")]


def spoil(database: Database) -> None:
    """Has migration 001 refused: a column of the same name and another type."""
    database.run("ALTER TABLE project_roles ADD COLUMN variant_name integer")


def test_each_is_migrated_and_a_second_run_changes_nothing(three: list[Database]) -> None:
    first = migrate(settings(three))
    second = migrate(settings(three))

    assert first.ok, first.text
    assert [applied(one) for one in three] == [ALL_APPLIED] * 3
    assert [f"{one.name}: Check" in first.unchanged for one in three] == [True] * 3
    assert second.ok
    assert second.changed == []


def test_what_is_refused_on_one_leaves_the_others_alone(three: list[Database], tmp_path: Path) -> None:
    spoil(three[1])
    before = three[1].structure()

    ended = migrate(settings(three, pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups")))

    assert not ended.ok
    assert [applied(one) for one in three] == [ALL_APPLIED, [], ALL_APPLIED]
    assert three[1].structure() == before
    assert ended.failed == [f"{three[1].name}: Check"]
    (refusal,) = {one.splitlines()[0] for one in ended.refusals}
    assert "001_add_variant_columns" in refusal
    skipped = f"{three[1].name}: left as it is: an operation on this database failed, see above"
    assert any(line.endswith(skipped) for line in ended.lines)


@pytest.mark.parametrize("place", [0, 2])
def test_the_exit_status_says_so_wherever_it_is(three: list[Database], place: int) -> None:
    spoil(three[place])

    assert not migrate(settings(three)).ok
    assert not migrate(settings(three)).ok
    assert [applied(one) == ALL_APPLIED for one in three] == [number != place for number in range(3)]


def test_what_fails_while_it_runs_leaves_the_others_alone(three: list[Database], tmp_path: Path) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "baseline.sql").write_text("CREATE TABLE of_note (n integer);\n")
    written(folder, three[0].server, "CREATE TABLE note (id integer); INSERT INTO note SELECT 1 / n FROM of_note;")
    for number, database in enumerate(three):
        database.run(f"CREATE TABLE of_note (n integer); INSERT INTO of_note VALUES ({number})")

    ended = migrate(settings(three, pg_sql_dir=str(folder)))

    assert not ended.ok
    assert [applied(one) for one in three] == [[], [(1,)], [(1,)]]
    assert three[0].value("SELECT to_regclass('note')") is None


def test_no_other_one_is_begun_after_so_many_failures(three: list[Database]) -> None:
    spoil(three[0])

    ended = migrate(settings(three, pg_stop_after=1))

    assert not ended.ok
    assert [applied(one) for one in three] == [[], [], []]
    for one in three[1:]:
        line = f"{one.name}: not begun: pg_stop_after is 1, and so many databases failed before it (1)"
        assert any(told.endswith(line) for told in ended.lines), ended.text
    assert applied(three[1]) == []
    assert not migrate(settings(three, pg_stop_after=2)).ok
    assert [applied(one) for one in three] == [[], ALL_APPLIED, ALL_APPLIED]


def test_each_may_have_keys_of_its_own(three: list[Database], tmp_path: Path) -> None:
    folder = written(tmp_path / "other", three[0].server, "CREATE TABLE other (id integer);")
    data = settings(three)
    data["pg_databases"] = {
        three[0].name: {"pg_sql_dir": str(folder)},
        three[1].name: {"pg_target": 2},
        three[2].name: {},
    }

    ended = migrate(data)

    assert ended.ok, ended.text
    assert [applied(one) for one in three] == [[(1,)], [(1,), (2,)], ALL_APPLIED]
    assert three[0].value("SELECT to_regclass('other')") == "other"


def test_pg_database_chooses_one_of_them(three: list[Database]) -> None:
    chosen = run(migrate_database, settings(three), command_line={"pg_database": three[1].name})

    assert chosen.ok
    assert [applied(one) for one in three] == [[], ALL_APPLIED, []]
    with pytest.raises(DeployError, match=r'cannot use pg_database "none": it is not in pg_databases'):
        run(migrate_database, settings(three), command_line={"pg_database": "none"})
    # Which of the two is meant, nobody can tell.
    with pytest.raises(DeployError, match=r"cannot use pg_database and pg_databases in one inventory"):
        migrate({**settings(three), "pg_database": three[1].name})


def test_the_other_verbs_go_through_all_of_them(three: list[Database], tmp_path: Path) -> None:
    data = settings(three, pg_backup_dir=str(tmp_path / "backups"))
    assert migrate(data).ok
    three[2].run("DROP INDEX idx_project_roles_variant")

    backed_up = backup(data)
    validated = validate(data)
    told = status(data)
    back = rollback(data)

    assert backed_up.ok, backed_up.text
    taken = [path.name.partition(".")[0] for path in (tmp_path / "backups").iterdir() if path.name[0] != "."]
    assert sorted(taken) == sorted(one.name for one in three)
    assert not validated.ok
    rows = [line.split() for line in told.lines if line.startswith(("@local ", "host "))]
    assert [row[1] for row in rows] == ["database", *(one.name for one in three)]
    assert [row[-1] for row in rows] == ["verdict", "good", "good", "drift"]
    assert [applied(one) == [] for one in three][:2] == [True, True], back.text


def test_a_restore_wants_one_of_them(three: list[Database], tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="could not find out which database to restore") as refused:
        restore(settings(three, pg_backup="latest", pg_backup_dir=str(tmp_path)))
    assert f"--data pg_database={three[0].name}" in str(refused.value)
