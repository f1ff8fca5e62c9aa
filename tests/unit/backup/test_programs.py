"""Command lines of the backups: their words, and the programs themselves on a folder of this machine."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup import programs
from pyinfra_pgmigrate.backup.manifest import read_manifest
from pyinfra_pgmigrate.backup.programs import Place, Target, key_of_database, sample_script
from pyinfra_pgmigrate.backup.store import Store, store
from pyinfra_pgmigrate.psql.answer import Answer, read_answer
from pyinfra_pgmigrate.psql.command import Command, conninfo
from pyinfra_pgmigrate.resources import read_sql, shell_program
from pyinfra_pgmigrate.settings import Connection, Secret

from tests.support.waiting import wait_for
from tests.unit.backup.test_store import manifest

RUN_ID = "11111111-2222-3333-4444-555555555555"
OURS = Connection("my shop", host="db1", user="app", bin_dir="/usr/lib/pg/bin/", password=Secret("hu'sh"))
COPY = Connection("pgmigrate_1", user="pgmigrate_1", password=Secret("copy-pw-7"))
PLACE = Place(OURS, "/srv/it's", RUN_ID)
INTO = Target(COPY, replace(OURS, database="pgmigrate_1"))
IN_COPY = ["user='pgmigrate_1' dbname='pgmigrate_1'", "host='db1' user='app' dbname='pgmigrate_1'", "pgmigrate_1"]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def words_of(command: Command, program: str) -> list[str]:
    """Returns the arguments that are a program's own; those that all share are looked at, too."""
    words = shlex.split(command.line)
    assert words[:6] == ["setsid", "--wait", "sh", "-c", shell_program(f"backup/{program}"), "pgmigrate"]
    assert words[6:10] == ["/srv/it's", f"my_shop-{sha256('my shop')[:6]}", RUN_ID, "/usr/lib/pg/bin/"]
    assert command.stdin[0] == "hu'sh"
    assert not [word for word in words if "hu'sh" in word or "copy-pw-7" in word]
    return words[10:]


@pytest.mark.parametrize("name", ["stage", "a-b_9"])
def test_a_plain_name_is_its_own_key(name: str) -> None:
    assert key_of_database(name) == name


@pytest.mark.parametrize("name", ["../../etc", "a b", "ü", "a.b", "x" * 60])
def test_any_other_name_is_safe_in_a_path_and_no_other_databases(name: str) -> None:
    found = key_of_database(name)

    assert set(found) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert len(found) == len(name[:40]) + len("-abcdef")
    assert found != key_of_database(f"{name}y")


class TestWords:
    """What each program is given, in the order that the head of its file says."""

    def test_dump(self) -> None:
        command = programs.dump(PLACE, "l", "SELECT 1;\n", jobs=4, compression="zstd:3")

        assert words_of(command, "dump") == ["l", conninfo(OURS), "4", "zstd:3", sha256("SELECT 1;\n")]
        assert command.stdin[1:] == ("SELECT 1;\n",)

    def test_seal_and_rewrite(self) -> None:
        sealed = programs.seal(PLACE, "l", "contents", "catalog", "manifest")
        rewritten = programs.rewrite(PLACE, "l", "manifest")

        assert words_of(sealed, "seal") == ["l", sha256("contents\ncatalog\nmanifest\n")]
        assert sealed.stdin[1:] == ("contents\ncatalog\nmanifest\n",)
        assert words_of(rewritten, "rewrite") == ["l", sha256("manifest\n")]
        assert rewritten.stdin[1:] == ("manifest\n",)

    def test_read_keeps_nothing(self) -> None:
        command = programs.read(PLACE, "l")

        assert words_of(command, "restore") == ["l", "", "", "", "", "none"]
        assert command.stdin == ("hu'sh",)

    def test_restore(self) -> None:
        command = programs.restore(PLACE, "l", INTO, "--section=data", jobs=2, tells="structure")

        assert words_of(command, "restore") == [
            "l", *IN_COPY, read_sql("copies/hand_over"), "structure", "--no-subscriptions", "--jobs=2", "--section=data",
        ]  # fmt: skip
        assert command.stdin[1:] == ("copy-pw-7\n",)

    def test_restore_into_a_copy_without_a_role_of_its_own(self) -> None:
        command = programs.restore(PLACE, "l", Target(Connection("pgmigrate_1")), jobs=1)

        assert words_of(command, "restore")[:6] == [
            "l",
            "dbname='pgmigrate_1'",
            "",
            "",
            read_sql("copies/hand_over"),
            "none",
        ]
        # An empty line: the password of the connection.
        assert command.stdin[1:] == ("\n",)

    @pytest.mark.parametrize("has_registry", [True, False])
    def test_copy_structure(self, has_registry: bool) -> None:
        command = programs.copy_structure(PLACE, INTO, has_registry=has_registry)

        assert words_of(command, "copy_structure") == [
            conninfo(OURS), *IN_COPY, read_sql("copies/hand_over"), str(has_registry).lower(), "0", "1048576", sha256(""), "false",
        ]  # fmt: skip
        assert command.stdin[1:] == ("copy-pw-7\n",)

    def test_copy_structure_with_rows(self) -> None:
        command = programs.copy_structure(PLACE, INTO, has_registry=True, has_sample=True, takes_statistics=True)

        sample = sample_script()
        assert words_of(command, "copy_structure")[-4:] == ["1000", "1048576", sha256(sample), "true"]
        assert command.stdin[1:] == (f"copy-pw-7\n{sample}",)
        # Linux takes an argument of at most 128 KiB, and connectors put the command in quotes of their own.
        assert len(shlex.quote(shlex.quote(command.line))) < 2**17

    def test_explain(self) -> None:
        command = programs.explain(PLACE, COPY, "SELECT 1;\n", most=5)

        assert words_of(command, "explain") == [conninfo(COPY), conninfo(OURS), sha256("SELECT 1;\n"), "5"]
        assert command.stdin[1:] == ("copy-pw-7\nSELECT 1;\n",)

    def test_swap(self) -> None:
        command = programs.swap(PLACE, replace(OURS, database="postgres"), "SELECT 1;\n")

        assert words_of(command, "swap") == [
            "host='db1' user='app' dbname='postgres'", "my shop", sha256("SELECT 1;\n"), read_sql("copies/end_sessions"),
        ]  # fmt: skip
        assert command.stdin[1:] == ("SELECT 1;\n",)

    def test_copy_schema(self) -> None:
        command = programs.copy_schema(PLACE, COPY, "aside")

        assert words_of(command, "copy_schema") == [conninfo(COPY), conninfo(OURS), "aside"]
        assert command.stdin[1:] == ("copy-pw-7\n",)

    def test_without_password_and_programs_folder_their_places_are_empty(self) -> None:
        command = programs.call("look", Place(Connection("stage"), "", "run"), 7)

        assert shlex.split(command.line)[6:] == ["", "stage", "run", "", "7"]
        assert command.stdin == ("",)


class TestOnAFolder:
    """The programs that need no server, as they run on a host."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        bin_dir = tmp_path / "bin"
        bin_dir.mkdir()
        (bin_dir / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 18.1'\n")
        (bin_dir / "pg_dump").chmod(0o755)
        (tmp_path / "tmp").mkdir()
        return Place(Connection("stage", bin_dir=str(bin_dir)), str(tmp_path / "it's here"), RUN_ID)

    def run(self, command: Command, place: Place) -> Answer:
        answer = self.answer(command, place)
        assert list((Path(place.folder).parent / "tmp").iterdir()) == []
        return answer

    def answer(self, command: Command, place: Place) -> Answer:
        given = "".join(part if part.endswith("\n") else f"{part}\n" for part in command.stdin)
        temporary = Path(place.folder).parent / "tmp"
        ended = subprocess.run(
            command.line, shell=True, input=given.encode(), capture_output=True, check=True, timeout=60,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "HOME": str(temporary)},
        )  # fmt: skip
        return read_answer(ended.stdout.decode().splitlines())

    def look(self, place: Place) -> Store:
        found = store(self.run(programs.call("look", place, place.folder), place))
        assert isinstance(found, Store), found
        return found

    def sealed(self, place: Place) -> Answer:
        """Claims the place and completes what a dump would have left."""
        assert self.run(programs.call("claim", place, 60), place).status == 0
        (Path(place.folder) / "stage.1.partial").mkdir(mode=0o700)
        return self.run(programs.seal(place, "stage.1", '{"ü": 1}', "[]", manifest(1).text()), place)

    def test_what_is_sealed_is_found_with_its_manifest(self, place: Place) -> None:
        assert self.sealed(place).status == 0

        found = self.look(place)

        assert (found.folder, found.pg_dump) == (place.folder, "pg_dump (PostgreSQL) 18.1")
        assert [one.manifest for one in found.backups] == [manifest(1)]
        assert found.free_bytes > 0
        assert found.data_free_bytes is not None
        folder = Path(place.folder) / "stage.1"
        assert (folder / "contents.json").read_text() == '{"ü": 1}\n'
        assert [path.stat().st_mode & 0o777 for path in sorted(folder.iterdir())] == [0o600] * 3

    def test_a_sign_of_life_tells_how_much_of_a_backup_is_read(self, place: Place) -> None:
        self.sealed(place)
        dump = Path(place.folder) / "stage.1" / "dump"
        dump.write_bytes(bytes(3_000_000))
        done = Path(place.folder).parent / "done"
        program = Path(place.connection.bin_dir or "") / "pg_restore"
        program.write_text(
            f"#!{sys.executable}\nimport os, pathlib, sys, time\npathlib.Path(sys.argv[-1]).read_bytes()\n"
            f"while not os.path.exists({str(done)!r}): time.sleep(0.02)\n"
        )
        program.chmod(0o755)

        with ThreadPoolExecutor() as pool:
            reading = pool.submit(self.run, programs.read(place, "stage.1"), place)
            try:
                wait_for(lambda: (self.beat(place) or 0) >= 3_000_000, what="all of the dump read", seconds=20)
            finally:
                done.touch()
            assert reading.result().value("status") == 0
        assert self.beat(place) is None

    def beat(self, place: Place) -> int | None:
        """Returns what a sign of life tells."""
        found: int | None = self.answer(programs.call("beat", place), place).value("read_bytes")
        return found

    def test_a_manifest_is_written_anew(self, place: Place) -> None:
        self.sealed(place)
        other = manifest(1, "none")

        assert self.run(programs.rewrite(place, "stage.1", other.text()), place).status == 0
        assert read_manifest((Path(place.folder) / "stage.1" / "manifest.json").read_text()) == other

    def test_what_was_cut_on_its_way_changes_nothing(self, place: Place) -> None:
        self.sealed(place)
        whole = programs.rewrite(place, "stage.1", manifest(1, "none").text())

        answer = self.run(replace(whole, stdin=(whole.stdin[0], whole.stdin[1][:-20])), place)

        assert answer.status not in (0, None)
        assert self.look(place).good == [manifest(1)]

    def test_a_run_that_has_not_claimed_the_place_seals_nothing(self, place: Place) -> None:
        self.sealed(place)
        other = replace(place, run_id="99999999-2222-3333-4444-555555555555")

        answer = self.run(programs.rewrite(other, "stage.1", manifest(1, "none").text()), other)

        assert answer.status == 75
        assert "another run has claimed" in answer.text("problem")
        assert self.look(place).good == [manifest(1)]

    def test_a_folder_that_others_may_change_is_told_with_its_cure(self, place: Place) -> None:
        Path(place.folder).mkdir(mode=0o700)
        Path(place.folder).chmod(0o777)

        found = store(self.run(programs.call("look", place, ""), place))

        assert not isinstance(found, Store)
        assert found.path == place.folder
        assert found.cure == "chmod go-w"

    def test_a_backup_without_a_manifest_is_told_as_one(self, place: Place) -> None:
        self.sealed(place)
        shutil.copytree(Path(place.folder) / "stage.1", Path(place.folder) / "stage.2")
        (Path(place.folder) / "stage.1" / "manifest.json").unlink()

        assert {one.label: one.problem for one in self.look(place).backups} == {
            "stage.1": "it has no manifest",
            "stage.2": "its manifest belongs to stage.1",
        }
