"""Hosts of an inventory from outside the code: an environment variable or a file beside it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from pyinfra.api import InventoryError

from .errors import Kind, Refusal


def read_hosts(name: str, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Returns the hosts of an inventory with their data, for a pyinfra inventory file.

    + name: of the inventory; ``staging`` reads the variable PGMIGRATE_STAGING_HOSTS (names with commas
      between them), and without it the file ``staging.hosts``
    + folder: where that file is

    A line of the file is a host and its data, such as ``db1.example.com ssh_port=2222 pg_database=shop``;
    ``#`` begins a comment.
    Raises InventoryError where there are no hosts: pyinfra would do nothing and exit with status 0.
    """
    variable = f"PGMIGRATE_{name.upper()}_HOSTS"
    path = folder / f"{name}.hosts"
    hosts: list[tuple[str, dict[str, Any]]] = []
    if os.environ.get(variable):
        hosts = [(host.strip(), {}) for host in os.environ[variable].split(",") if host.strip()]
    elif path.exists():
        hosts = [_host(line, path, number) for number, line in _lines(path)]
    if not hosts:
        raise InventoryError(
            str(
                Refusal(
                    Kind.SETTINGS,
                    f'could not find any host of inventory "{name}"',
                    detail=f"Found neither the variable {variable} nor a host in {path}; expected one of them.",
                    hint=f"Run: export {variable}=db1.example.com; or write the names into {path}, one a line.",
                )
            )
        )
    return hosts


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    split = [(number, shlex.split(line, comments=True)) for number, line in lines]
    return [(number, words) for number, words in split if words]


def _host(words: list[str], path: Path, number: int) -> tuple[str, dict[str, Any]]:
    name, *data = words
    found: dict[str, Any] = {}
    for word in data:
        key, separator, value = word.partition("=")
        if not separator:
            raise InventoryError(
                str(
                    Refusal(
                        Kind.SETTINGS,
                        f"could not read host data in {path}, line {number}",
                        detail=f'Found "{word}"; expected key=value.',
                        hint="Write a host a line: db1.example.com ssh_port=2222 pg_database=shop",
                    )
                )
            )
        found[key] = _value(value)
    return name, found


def _value(text: str) -> Any:
    """Returns a number, true or false as such, anything else as text; as pyinfra does for --data."""
    try:
        return json.loads(text)
    except ValueError:
        return text
