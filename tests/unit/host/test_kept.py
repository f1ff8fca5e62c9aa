"""What was read from files is kept for the next run, and taken where it is of the same bytes and our own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.application.compatibility import load_uses
from pyinfra_pgmigrate.application.queries import load_queries
from pyinfra_pgmigrate.application.totals import load_totals
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.host.kept import PACKAGE, kept
from pyinfra_pgmigrate.migrations.files import load_folder, read_names

from tests.support.servers import ROOT

Reader = Callable[..., Any]


class Counted:
    """Reads the texts of a folder into a value of the package, and counts how often it did."""

    __module__ = f"{PACKAGE}.catalog.lines"

    def __init__(self) -> None:
        self.__qualname__ = "counted"
        self.count = 0

    def __call__(self, folder: Path) -> Patch:
        self.count += 1
        return Patch(frozenset(), frozenset(file.read_text() for file in folder.iterdir() if file.is_file()))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / PACKAGE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sql"
    made.mkdir()
    (made / "a.sql").write_text("first")
    return made


def read(reader: Reader, folder: Path, version: str = "1") -> Any:
    return kept(reader, (folder,), (folder,), version)


def the_file(cache: Path) -> Path:
    (found,) = cache.iterdir()
    return found


def test_the_same_bytes_are_read_once(cache: Path, folder: Path) -> None:
    reader = Counted()

    found = [read(reader, folder) for _ in range(3)]

    assert found == [Patch(frozenset(), frozenset({"first"}))] * 3
    assert reader.count == 1
    assert the_file(cache).stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700


def test_other_bytes_are_read_whatever_their_time(cache: Path, folder: Path) -> None:
    reader, file = Counted(), folder / "a.sql"
    read(reader, folder)
    before = file.stat()
    file.write_text("other")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert read(reader, folder).plus == {"other"}
    # What goes or comes, also in a folder within.
    (folder / "b.sql").write_text("more")
    assert read(reader, folder).plus == {"other", "more"}
    (folder / "b.sql").unlink()
    (folder / "001_a").mkdir()
    read(reader, folder)
    (folder / "001_a" / "migration.sql").touch()
    count = reader.count
    read(reader, folder)
    assert reader.count == count + 1
    assert len(list(cache.iterdir())) == 1


def test_another_version_or_argument_reads_again(cache: Path, folder: Path) -> None:
    reader = Counted()
    read(reader, folder)

    read(reader, folder, version="2")
    kept(reader, (folder / "..",), (folder,), "2")

    assert reader.count == 3


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_others_may_write_is_not_taken(cache: Path, folder: Path, which: str) -> None:
    reader = Counted()
    read(reader, folder)
    (the_file(cache) if which == "file" else cache).chmod(0o770)

    read(reader, folder)

    assert reader.count == 2


def test_a_link_is_not_followed(cache: Path, folder: Path, tmp_path: Path) -> None:
    reader = Counted()
    read(reader, folder)
    place = the_file(cache)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")

    read(reader, folder)

    assert reader.count == 2


def test_a_damaged_file_is_read_again_and_replaced(cache: Path, folder: Path) -> None:
    reader = Counted()
    read(reader, folder)
    place = the_file(cache)
    whole = place.read_bytes()
    for damaged in (whole[:-1], whole[:70], b"", whole[:64] + bytes([whole[64] ^ 1]) + whole[65:]):
        place.write_bytes(damaged)
        assert read(reader, folder).plus == {"first"}
        assert place.read_bytes() == whole
    assert reader.count == 5


def test_what_no_run_takes_any_more_goes(cache: Path, folder: Path, tmp_path: Path) -> None:
    reader, other = Counted(), tmp_path / "other"
    other.mkdir()
    read(reader, folder)
    read(reader, other)
    mine, theirs = sorted(cache.iterdir(), key=lambda path: b"first" not in path.read_bytes())
    for path in (mine, theirs):
        os.utime(path, (0, 0))
    read(reader, folder)  # It is taken, and young again.

    (folder / "b.sql").write_text("more")
    read(reader, folder)

    assert [path.name for path in cache.iterdir()] == [mine.name]


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ["HARMED"],)


def test_nothing_in_it_can_run(cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARMED", str(tmp_path / "harmed"))
    reader = Counted()
    read(reader, folder)
    place = the_file(cache)
    payload = pickle.dumps(_Harmful())
    place.write_bytes(place.read_bytes()[:32] + sha256(payload).digest() + payload)

    assert read(reader, folder).plus == {"first"}

    assert reader.count == 2
    assert not (tmp_path / "harmed").exists()


def test_what_is_no_file_is_not_kept(cache: Path, folder: Path) -> None:
    reader = Counted()
    os.mkfifo(folder / "b.sql")

    read(reader, folder)
    read(reader, folder)

    assert reader.count == 2
    assert not cache.exists()


def test_where_nothing_can_be_kept_it_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Counted()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read(reader, folder).plus == {"first"}
    # A relative one counts for nothing, and an account may have no home.
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", "nowhere")
    assert read(reader, folder).plus == {"first"}
    assert reader.count == 2


@pytest.mark.parametrize(
    ("reader", "more", "within"),
    [
        (load_folder, (), ""),
        (read_names, (), "baseline.sql"),
        (load_uses, (), "compatibility"),
        (load_totals, (), "totals"),
        (load_queries, (frozenset(range(1, 7)),), "queries"),
    ],
    ids=["migrations", "names", "uses", "totals", "queries"],
)
def test_all_that_a_run_reads_comes_back_as_it_was(
    cache: Path, reader: Reader, more: tuple[Any, ...], within: str
) -> None:
    sql = ROOT / "sql"
    first, again = (kept(reader, (sql, *more), (sql / within,), "1") for _ in range(2))

    assert first == again == reader(sql, *more)
    assert first is not again
    assert the_file(cache).exists()


def test_a_run_that_knows_its_files_loads_no_grammar(cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pyinfra_pgmigrate.host.kept import kept;"
        "from pyinfra_pgmigrate.migrations.files import load_folder; import pyinfra_pgmigrate.deploys;"
        "kept(load_folder, (Path('sql'),), (Path('sql'),), '1'); print('postgast' in sys.modules)"
    )

    ended = [
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]

    assert ended == ["True\n", "False\n"]
