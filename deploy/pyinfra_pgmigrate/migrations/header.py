"""The header of a file of the SQL folder, and its text. Pure: no I/O but the files."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..sqltext.files import read_text
from ..values import PHASES

_HEADER_LINE = re.compile(r"-- (?P<key>[a-z]+): *(?P<value>\S.*)")


_CONTINUED = re.compile(r"--     *(?P<value>\S.*)")


_SAFE = re.compile(r"(?P<rule>[a-z-]+(?:, *[a-z-]+)*) because (?P<reason>\S.*)")


# Keys of a migration's header, with the values each may have; None: any text.
HEADER_KEYS: dict[str, tuple[str, ...] | None] = {
    "purpose": None,
    "phase": PHASES,
    "data": ("once", "converge"),
    "batch": ("keyset",),
    "repeatable": ("true", "false"),
    "removes": None,
    "safe": None,
    "from": None,
}

_ORIGIN = re.compile(r"(?P<tool>[A-Za-z-]+) (?P<key>\S.*)")


@dataclass(frozen=True)
class Header:
    """What the comment lines at the top of a migration say.

    + purpose: one line for people
    + phase: one of PHASES
    + converges: run again whenever the verify query finds problems (``data: converge``)
    + in_batches: each statement is run again and again, a transaction each (``batch: keyset``)
    + repeatable: by its author's word, each of its statements may run twice (``repeatable: true``)
    + removes: patterns of catalog lines that it may take away besides those of its effect
    + accepted: rules of ``pgmigrate check`` that it breaks knowingly, with the reason
    + origin: the tool from which it was imported and the key by which that tool's table knows it; None for our own
    """

    purpose: str
    phase: str
    converges: bool = False
    in_batches: bool = False
    repeatable: bool = False
    removes: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    reason: str = ""
    origin: tuple[str, str] | None = None


def parse_header(text: str, *, source: str) -> dict[str, str]:
    """Returns the keys and values of the comment lines at the top of a file.

    A line ``-- key: value`` begins a value, a line ``--     more`` goes on with it; the first line
    that is not a comment ends the header.
    Raises PgMigrateError (file) for a comment of another form or a repeated key, naming file and line.
    """
    values: dict[str, str] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        if (more := _CONTINUED.fullmatch(line)) and key:
            values[key] += " " + more["value"].rstrip()
            continue
        found = _HEADER_LINE.fullmatch(line)
        if found is None:
            raise wrong_header(source, number, f'Found "{line}"; expected "-- key: value".')
        key = found["key"]
        if key in values:
            raise wrong_header(source, number, f'Found the key "{key}" a second time; expected it once.')
        values[key] = found["value"].rstrip()
    return values


def read_header(path: Path, keys: Collection[str]) -> tuple[str, dict[str, str]]:
    """Returns the text of a file beside the migrations, and its header, which has a purpose.

    + keys: those that it may have
    Raises PgMigrateError (file) for another key, and without a purpose, naming the file.
    """
    text = read_text(path)
    values = parse_header(text, source=path.name)
    for key in values:
        if key not in keys:
            raise wrong_header(path.name, None, f'Found the key "{key}"; expected one of {", ".join(keys)}.')
    if "purpose" not in values:
        raise wrong_header(path.name, None, 'Found no purpose; expected "-- purpose: ..." at the top.')
    return text, values


def wrong_header(source: str, number: int | None, detail: str) -> PgMigrateError:
    """Returns the refusal of a header, with file and line."""
    place = source if number is None else f"{source}, line {number}"
    return PgMigrateError(
        Kind.FILE,
        f"could not read header of {place}",
        detail=detail,
        hint="Correct the header; docs/reference/header-keys.md lists the keys (a blank line ends it).",
    )


def _line_of_key(text: str, key: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.startswith(f"-- {key}:"))


def has_header(text: str, *, source: str) -> bool:
    """Tells whether the comment lines at the top of a migration are a header, or comments and nothing more.

    Raises PgMigrateError (file) where they are none, but a key of one seems to be meant, naming file and line.
    """
    lines = text.splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    keys = {
        number: found["key"] for number, line in enumerate(lines[:count], 1) if (found := _HEADER_LINE.fullmatch(line))
    }
    if any(key in HEADER_KEYS for key in keys.values()):
        return True
    for number, key in keys.items():
        meant = get_close_matches(key, HEADER_KEYS, n=1, cutoff=0.75)
        if meant:
            raise wrong_header(source, number, f'Found the key "{key}"; expected "{meant[0]}", or no header at all.')
    return False


def migration_header(text: str, *, source: str, purpose: str, phase: str) -> Header:
    """Returns the header of a migration. Raises PgMigrateError (file) for one that breaks a rule.

    + purpose, phase: where it says nothing of them
    """
    values = parse_header(text, source=source)
    for key, value in values.items():
        if key not in HEADER_KEYS:
            detail = f'Found the key "{key}"; expected one of {", ".join(HEADER_KEYS)}.'
            raise wrong_header(source, _line_of_key(text, key), detail)
        allowed = HEADER_KEYS[key]
        if allowed is not None and value not in allowed:
            detail = f'Found {key} "{value}"; expected one of {", ".join(allowed)}.'
            raise wrong_header(source, _line_of_key(text, key), detail)
    accepted: tuple[str, ...] = ()
    reason = ""
    if "safe" in values:
        safe = _SAFE.fullmatch(values["safe"])
        if safe is None:
            detail = f'Found safe "{values["safe"]}"; expected "<rule> because <reason>".'
            raise wrong_header(source, _line_of_key(text, "safe"), detail)
        accepted, reason = tuple(re.split(", *", safe["rule"])), safe["reason"]
    origin = _ORIGIN.fullmatch(values.get("from", ""))
    if "from" in values and origin is None:
        detail = f'Found from "{values["from"]}"; expected "TOOL KEY", as pgmigrate import writes it.'
        raise wrong_header(source, _line_of_key(text, "from"), detail)
    return Header(
        purpose=values.get("purpose", purpose),
        phase=values.get("phase", phase),
        converges=values.get("data") == "converge",
        in_batches="batch" in values,
        repeatable=values.get("repeatable") == "true",
        removes=tuple(values["removes"].split(" or ")) if "removes" in values else (),
        accepted=accepted,
        reason=reason,
        origin=None if origin is None else (origin["tool"], origin["key"]),
    )
