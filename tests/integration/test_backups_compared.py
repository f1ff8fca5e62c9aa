"""A copy restored from a backup is compared with what was dumped: whatever is otherwise is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.backup.manifest import read_manifest
from pyinfra_pgmigrate.copies.restore_log import differences

from tests.conftest import Machines
from tests.support.backups import ODD, copies, manifest, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, restore
from tests.support.servers import Server


class TestHash:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE words SET word = 'other' WHERE id = 1",
            "UPDATE words SET word = CASE id WHEN 1 THEN 'two' ELSE 'one' END WHERE id IN (1, 2)",
            "DELETE FROM words WHERE id = 1; INSERT INTO words SELECT 2, 'two'",
            # A sum of hashes sees what an exclusive or does not: two pairs of equal rows.
            "DELETE FROM words WHERE id = 3; INSERT INTO words VALUES (4, 'four'), (4, 'four')",
            "UPDATE words SET word = NULL WHERE id = 2",
            "ALTER TABLE words ADD COLUMN more integer",
        ],
    )
    def test_sees_a_change(self, server: Server, change: str) -> None:
        with server.database("empty") as database:
            database.run("CREATE TABLE words (id integer, word text)")
            database.run("INSERT INTO words VALUES (1, 'one'), (2, 'two'), (3, 'three'), (3, 'three')")
            before = contents_of(database)
            database.run(change)

            assert list(differences(before, contents_of(database))) != []

    def test_does_not_see_the_order_of_rows(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run("CREATE TABLE words AS SELECT i AS id, i::text AS word FROM generate_series(1, 1000) AS i")
            before = contents_of(database)
            database.run("CREATE TABLE turned AS SELECT * FROM words ORDER BY id DESC; TRUNCATE words")
            database.run("INSERT INTO words SELECT * FROM turned; DROP TABLE turned")

            assert contents_of(database) == before

    def test_agrees_between_major_versions(self, machines: Machines) -> None:
        found: list[Contents] = []
        for version in (15, 16, 17, 18):
            server = machines.server(version)
            with server.database("empty") as database:
                database.run(ODD.replace("gen_random_uuid()", "md5(i::text)::uuid"))
                found.append(contents_of(database))

        assert all(one.tables == found[0].tables for one in found[1:])


def _forge(backup: Path, old: str, new: str) -> None:
    """Changes what a backup says of its contents, and all hashes with it."""
    path = backup / "contents.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    read = read_manifest((backup / "manifest.json").read_text())
    sums = {**read.sums, "contents.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    (backup / "manifest.json").write_text(replace(read, sums=sums).text() + "\n")


class TestComparison:
    @pytest.mark.parametrize(
        ("old", "new", "found"),
        [
            (
                '"public.projects": [40, "',
                '"public.projects": [41, "',
                "table public.projects has 40 rows, expected 41",
            ),
            ('"public.projects": [40, "', '"public.projects": [40, "1', "table public.projects has other contents"),
            ('"large_objects": 0', '"large_objects": 1', "there are 0 large objects, expected 1"),
        ],
    )
    def test_finds_a_copy_that_is_otherwise(
        self, kept: Callable[..., dict[str, Any]], folder: Path, server: Server, old: str, new: str, found: str
    ) -> None:
        label = taken(folder, kept())
        _forge(folder / label, old, new)

        result = backup(kept(pg_backup=label))

        assert not result.ok
        assert found in result.refusals[0], result.text
        assert manifest(folder, label)["verification"]["how"] == "failed"
        assert copies(server) == []
        assert f'backup "{label}" is damaged' in restore(kept(pg_backup=label)).refusals[0]
