"""What a backup says of itself, and what of that is believed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.manifest import Verification, digest_of, json_line, read_manifest

from tests.unit.backup.test_store import manifest


def rewritten(**values: Any) -> str:
    """Returns the text of a manifest with other values, and the hash that fits them."""
    found = json.loads(manifest(1).text())
    del found["manifest_sha256"]
    found.update(values)
    return json_line({**found, "manifest_sha256": digest_of(found)})


def test_it_is_one_line_the_same_for_the_same_values() -> None:
    text = manifest(1, database="ü\nshop").text()

    assert "\n" not in text
    assert "ü" in text
    assert text == replace(manifest(1), database="ü\nshop").text()
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    "values",
    [
        {"label": 1},
        {"taken_s": "1"},
        {"rows": True},
        {"rows": 1.5},
        {"sums": {"contents.json": 1}},
        {"extensions": {"plpgsql": None}},
        {"roles": ["me", 1]},
        {"format": 2, "timeline": "1"},
        {"verification": {"how": 1, "at": "", "server_version": "", "notes": []}},
        {"verification": {"how": "read", "at": "", "server_version": "", "notes": [1]}},
    ],
)
def test_values_of_another_kind_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="values of other kinds than belong into it"):
        read_manifest(rewritten(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"surprise": 1},
        {"verification": {}},
        {"verification": {"how": "read", "at": "", "notes": [], "more": 1}},
        {"verification": "read"},
        {"roles": None},
        {"sums": 1},
        {"extensions": [1]},
    ],
)
def test_what_lacks_something_or_has_more_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lacks what belongs into it"):
        read_manifest(rewritten(**values))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "1", '{"label": "x"}', "null"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_manifest(text)


def test_of_the_first_format_it_is_read_and_written_as_it_was() -> None:
    first = manifest(1, format=1, database_oid=0, timeline=0)

    assert "database_oid" not in json.loads(first.text())
    assert "timeline" not in json.loads(first.text())
    assert read_manifest(first.text()) == first


@pytest.mark.parametrize(
    ("how", "is_verified"), [("restore", True), ("read", True), ("none", False), ("failed", False)]
)
def test_it_is_verified_once_it_was_read_from_end_to_end(how: str, is_verified: bool) -> None:
    found = manifest(1, "none").verified(Verification(how, "2026-11-22T14:00:00Z"))

    assert found.is_verified is is_verified
    assert read_manifest(found.text()) == found


def test_its_files_are_bounded_by_what_was_counted_where_it_was() -> None:
    counted = manifest(1, file_bytes=5_000)

    assert counted.most_bytes == 5_000 + 300_000_000
    # One of an earlier version: a dump may be compressed a thousand times, and not more.
    assert manifest(1, backup_bytes=7_000).most_bytes == 7_000_000 + 300_000_000
