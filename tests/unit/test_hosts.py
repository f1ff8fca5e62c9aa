"""Hosts of an inventory from outside the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra.api import InventoryError
from pyinfra_pgmigrate.hosts import read_hosts

VARIABLE = "PGMIGRATE_STAGING_HOSTS"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def write(folder: Path, text: str) -> Path:
    (folder / "staging.hosts").write_text(text, encoding="utf-8")
    return folder


def test_a_line_is_a_host_with_its_data(tmp_path: Path) -> None:
    text = """# the shop
db1.example.com ssh_port=2222 pg_database=shop pg_repair=true  # first

db2 pg_password="a 'b' #c=d" pg_host='' pg_target=012 pg_drift_ignore='["table t", "* x"]'
"""

    assert read_hosts("staging", write(tmp_path, text)) == [
        ("db1.example.com", {"ssh_port": 2222, "pg_database": "shop", "pg_repair": True}),
        (
            "db2",
            {"pg_password": "a 'b' #c=d", "pg_host": "", "pg_target": "012", "pg_drift_ignore": ["table t", "* x"]},
        ),
    ]


def test_the_variable_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "db1, db2 ,,")

    assert read_hosts("staging", write(tmp_path, "db9\n")) == [("db1", {}), ("db2", {})]


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")

    assert read_hosts("staging", write(tmp_path, "db9\n")) == [("db9", {})]


@pytest.mark.parametrize("text", [None, "", "# nobody yet\n\n"])
def test_no_host_is_an_error_with_what_to_do(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        write(tmp_path, text)

    with pytest.raises(InventoryError, match='could not find any host of inventory "staging"') as caught:
        read_hosts("staging", tmp_path)
    assert f"HINT: Run: export {VARIABLE}=" in str(caught.value)


def test_a_variable_of_commas_is_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " , ")

    with pytest.raises(InventoryError, match="could not find any host"):
        read_hosts("staging", tmp_path)


def test_data_of_another_form_is_refused_with_file_and_line(tmp_path: Path) -> None:
    folder = write(tmp_path, "# first\ndb1 pg_database=shop\ndb2 pg_database\n")

    with pytest.raises(InventoryError, match=r"could not read host data in .*staging\.hosts, line 3") as caught:
        read_hosts("staging", folder)
    assert 'Found "pg_database"; expected key=value.' in str(caught.value)
