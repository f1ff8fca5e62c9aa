"""What pgBackRest says of its repositories: the newest backup of a server. Pure.

Source: pgBackRest's manual, "Info Command", and what versions 2.45 and 2.55 print.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .cover import Action
from .wal import timeline

# For sh; the status is that of pgBackRest, also where a pipe follows.
INFO = "command -v pgbackrest >/dev/null 2>&1 || exit 127; exec pgbackrest info --output=json 2>/dev/null"
_SEGMENTS = (
    'found=$(pgbackrest --stanza="$0" --repo="$1" repo-ls "archive/$0/$2" --recurse) || '
    '{ status=$?; printf "%s\\n" "$found"; exit "$status"; }\n'
    "printf '%s\\n' \"$found\" | sed -n 's|.*/\\([0-9A-F]\\{24\\}\\)-[0-9a-f]\\{40\\}.*|\\1|p'"
)
_CHECK = 'exec pgbackrest --stanza="$0" check'


@dataclass(frozen=True)
class Repository:
    """The newest backup of a server in a repository of pgBackRest.

    + key: number of the repository; archive: folder of its WAL archive in there, such as 17-1
    + label: of the newest backup, full or on top of a full one; ended_s: when it was complete, seconds since 1970
    + start, stop: first and last WAL segment that it needs
    """

    stanza: str
    key: int
    archive: str
    label: str
    kind: str
    ended_s: int
    start: str
    stop: str

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"pgBackRest {self.kind} backup {self.label} of stanza {self.stanza}"

    @property
    def lists(self) -> tuple[str, ...]:
        """Command that prints the names of the WAL segments in the archive."""
        return _SEGMENTS, self.stanza, str(self.key), self.archive

    @property
    def flushes(self) -> tuple[str, ...]:
        """Command that switches to the next segment, and waits until the one before it is in every repository."""
        return _CHECK, self.stanza

    def by_hand(self, what: Action) -> str:
        """Returns a command to be typed."""
        arguments = {
            Action.LIST: f"--repo={self.key} repo-ls archive/{self.stanza}",
            Action.CHECK: "check",
            Action.FULL: "--type=full backup",
            Action.BACKUP: "--type=diff backup",
        }
        return f"pgbackrest --stanza={self.stanza} {arguments[what]}"

    def recover(self, *, name: str, lsn: str) -> str:
        """Returns the command that brings the server back to a restore point, or to an LSN where that has no name."""
        target = f"--type=name --target={name}" if name else f"--type=lsn --target={lsn}"
        return (
            f"pgbackrest --stanza={self.stanza} --repo={self.key} --set={self.label} {target} "
            f"--target-timeline={timeline(self.start)} --target-action=promote --delta restore"
        )


def repositories(info: str, system_identifier: str) -> list[Repository]:
    """Returns the newest backup of a server in each repository, the newest first; none of a damaged one.

    + info: what ``pgbackrest info --output=json`` prints
    Raises ValueError for what it did not print, and where there is no backup of this server, with what is there.
    """
    try:
        stanzas = json.loads(info)
        found = [one for stanza in stanzas for one in _of_stanza(stanza, system_identifier)]
        there = "; ".join(f"stanza {one['name']}: {one['status']['message']}" for one in stanzas) or "no stanza"
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an answer of pgbackrest info that cannot be read: {error!r}") from error
    if not found:
        raise ValueError(f"{there}; no backup of the server with system identifier {system_identifier}")
    return sorted(found, key=lambda one: one.ended_s, reverse=True)


def _of_stanza(stanza: Mapping[str, Any], system_identifier: str) -> Iterator[Repository]:
    own = {
        (one["repo-key"], one["id"]) for one in stanza.get("db", ()) if str(one.get("system-id")) == system_identifier
    }
    answering = {one["key"] for one in stanza.get("repo", ()) if one["status"]["code"] == 0}
    archives = {(one["database"]["repo-key"], one["database"]["id"]): one["id"] for one in stanza.get("archive", ())}
    damaged = {one["label"] for one in stanza.get("backup", ()) if one.get("error")}
    newest: dict[int, Repository] = {}
    for one in stanza.get("backup", ()):
        place = (one["database"]["repo-key"], one["database"]["id"])
        needs = {one["label"], *(one.get("reference") or ())}
        if place not in own or place[0] not in answering or place not in archives or needs & damaged:
            continue
        found = Repository(
            stanza=stanza["name"],
            key=place[0],
            archive=archives[place],
            label=one["label"],
            kind=one["type"],
            ended_s=one["timestamp"]["stop"],
            start=one["archive"]["start"],
            stop=one["archive"]["stop"],
        )
        if place[0] not in newest or newest[place[0]].ended_s < found.ended_s:
            newest[place[0]] = found
    yield from newest.values()
