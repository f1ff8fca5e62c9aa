"""What lives as long as one start of the program."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest
from pyinfra.api import Config, Inventory, State
from pyinfra.api.state import StateStage
from pyinfra_pgmigrate.host.pyinfra_api import has_run_anything
from pyinfra_pgmigrate.host.run import TOOL_VERSION, Memory, Prepared, RunContext
from pyinfra_pgmigrate.settings import Connection


def state() -> State:
    return State(Inventory((["@local"], {})), Config())


class Reader:
    """Reads all files of a folder, and counts how often it did."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, folder: Path, suffix: str = "") -> list[str]:
        self.count += 1
        return [path.read_text() + suffix for path in sorted(folder.iterdir())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.sql").write_text("first")
    return tmp_path


def changed(folder: Path) -> None:
    """Writes another text, which is newer by a second."""
    path = folder / "a.sql"
    earlier = path.stat().st_mtime_ns
    path.write_text("second")
    os.utime(path, ns=(earlier + 10**9, earlier + 10**9))


def test_a_run_of_pyinfra_has_one_context() -> None:
    one, other = state(), state()

    assert RunContext.of(one) is RunContext.of(one)
    assert RunContext.of(one) is not RunContext.of(other)
    assert UUID(RunContext.of(one).run_id) != UUID(RunContext.of(other).run_id)


def test_who_runs_what_from_where_is_the_same_for_each_script_of_a_host() -> None:
    one = state()
    host = one.inventory.get_host("@local")
    assert host is not None
    context = RunContext.of(one)

    found = context.run_on(host)

    assert found == context.run_on(host)
    assert (found.run_id, found.inventory_host, found.tool_version) == (context.run_id, "@local", TOOL_VERSION)
    assert found.operator
    assert found.controller


def test_a_database_is_remembered_for_the_run_alone() -> None:
    one = state()
    host = one.inventory.get_host("@local")
    assert host is not None
    RunContext.of(one).memory(host, (Connection("shop"), "")).backup = "shop.1"

    assert RunContext.of(one).memory(host, (Connection("shop"), "")).backup == "shop.1"
    assert RunContext.of(one).memory(host, (Connection("other"), "")).backup == ""
    # Another server of that host may have one of the same name.
    assert RunContext.of(one).memory(host, (Connection("shop", port=5433), "")).backup == ""
    assert RunContext.of(state()).memory(host, (Connection("shop"), "")).backup == ""


class TestSeen:
    def test_a_look_counts_for_a_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        memory, now = Memory(), [100.0]
        monkeypatch.setattr("pyinfra_pgmigrate.host.run.monotonic", lambda: now[0])
        assert memory.just_seen("public", has_run_anything=False) is None

        memory.saw("the database", "public")
        assert memory.just_seen("public", has_run_anything=True) == "the database"

        now[0] += 0.9
        assert memory.just_seen("public", has_run_anything=True) == "the database"
        # It is as old as it is, whoever says again that it was seen.
        memory.saw(memory.just_seen("public", has_run_anything=True), "public")
        now[0] += 0.2
        assert memory.just_seen("public", has_run_anything=True) is None

    def test_it_does_not_count_after_anything_that_may_change_the_database(self) -> None:
        memory = Memory()
        memory.saw("the database", "public")
        memory.changes()

        assert memory.just_seen("public", has_run_anything=False) is None

    def test_it_is_as_seen_from_one_schema(self) -> None:
        memory = Memory()
        memory.saw("the database", "tenant_1")

        assert memory.just_seen("tenant_2", has_run_anything=False) is None

    def test_what_was_seen_before_all_operations_counts_for_the_first_of_them(self) -> None:
        memory = Memory()
        memory.saw("the database", "public", before_all=True)

        assert memory.just_seen("public", has_run_anything=False) == "the database"
        assert memory.just_seen("public", has_run_anything=True) is None
        # The first one looked, and saw the same.
        memory.saw("the database", "public")
        assert memory.just_seen("public", has_run_anything=True) == "the database"

    def test_an_operation_that_came_to_its_end_may_have_changed_the_database(self) -> None:
        one = state()
        one.set_stage(StateStage.Execute)
        host = one.inventory.get_host("@local")
        assert host is not None
        one.activate_host(host)
        assert not has_run_anything(one)

        one.get_results_for_host(host).ops += 1

        assert has_run_anything(one)


def test_what_was_prepared_is_of_one_database_of_one_host() -> None:
    one = State(Inventory((["@local", "@docker/other"], {})), Config())
    host, other = one.inventory.get_host("@local"), one.inventory.get_host("@docker/other")
    assert host is not None
    assert other is not None
    prepared: Prepared[str | None] = Prepared()
    prepared.keep(host, {"pg_database": "shop"}, "a plan")
    prepared.keep(host, {}, None)

    assert prepared.of(host, {"pg_database": "shop"}) == ["a plan"]
    assert prepared.of(host, {}) == [None]
    assert prepared.of(host, {"pg_database": "other"}) == []
    assert prepared.of(other, {"pg_database": "shop"}) == []


class TestReadOnce:
    def test_what_was_read_is_what_runs_whatever_becomes_of_the_files(self, folder: Path) -> None:
        context, read = RunContext(), Reader()
        first = context.read_once(read, folder, folders=(folder,))
        changed(folder)

        assert context.read_once(read, folder, folders=(folder,)) == first == ["first"]
        assert read.count == 1

    def test_another_run_reads_again_only_where_files_changed(self, folder: Path) -> None:
        read = Reader()
        RunContext().read_once(read, folder, folders=(folder,))

        assert RunContext().read_once(read, folder, folders=(folder,)) == ["first"]
        assert read.count == 1
        changed(folder)
        assert RunContext().read_once(read, folder, folders=(folder,)) == ["second"]
        assert read.count == 2

    def test_a_file_that_came_is_a_change(self, folder: Path) -> None:
        read = Reader()
        RunContext().read_once(read, folder, folders=(folder,))
        (folder / "b.sql").write_text("more")

        assert RunContext().read_once(read, folder, folders=(folder,)) == ["first", "more"]

    def test_other_arguments_are_read_apart(self, folder: Path) -> None:
        context, read = RunContext(), Reader()

        assert context.read_once(read, folder, folders=(folder,)) == ["first"]
        assert context.read_once(read, folder, "!", folders=(folder,)) == ["first!"]

    def test_a_folder_that_is_not_there_has_no_files(self, tmp_path: Path) -> None:
        read = Reader()
        with pytest.raises(FileNotFoundError):
            RunContext().read_once(read, tmp_path / "nothing", folders=(tmp_path / "nothing",))
        assert RunContext().read_once(read, tmp_path, folders=(tmp_path / "nothing",)) == []


def test_a_plan_of_the_same_is_made_once() -> None:
    memory = Memory()
    made: list[str] = []

    def plan(name: str) -> str:
        made.append(name)
        return name

    assert memory.planned(("database", "settings"), lambda: plan("first")) == "first"
    assert memory.planned(("database", "settings"), lambda: plan("again")) == "first"
    assert memory.planned(("database, changed", "settings"), lambda: plan("second")) == "second"
    assert made == ["first", "second"]


def test_what_cannot_be_looked_at_is_left_to_who_reads_it(folder: Path) -> None:
    (folder / "b.sql").symlink_to(folder / "nowhere")
    context = RunContext()

    def names(place: Path) -> list[str]:
        return sorted(path.name for path in place.iterdir())

    assert context.read_once(names, folder, folders=(folder, folder / "neither")) == ["a.sql", "b.sql"]
