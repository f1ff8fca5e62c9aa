"""All databases of a run in one table, told when the last of its hosts has told its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from pyinfra import logger
from pyinfra.api import Host, State

from ..host.pyinfra_api import chosen_hosts
from ..units import visible
from .status import Summary, table


@dataclass
class _Overview:
    """What one start of the program found out so far.

    + rows: databases in one line each, by host
    + rounds: how often each host has told all that it was asked
    """

    rows: dict[str, list[Summary]] = field(default_factory=lambda: defaultdict(list))
    rounds: Counter[str] = field(default_factory=Counter)


_overviews: WeakKeyDictionary[State, _Overview] = WeakKeyDictionary()


def rows_of(host: Host) -> list[Summary]:
    """Returns the lines of a host's databases, to which its next one is appended."""
    return _overviews.setdefault(host.state, _Overview()).rows[host.name]


def tell_table(host: Host) -> None:
    """Notes that a host has told all of its databases; tells the table where it was the last, and there are several.

    pyinfra prepares hosts side by side, in any order; one that it could not connect to is not asked.
    """
    found = _overviews.setdefault(host.state, _Overview())
    found.rounds[host.name] += 1
    rows = [row for one in chosen_hosts(host.state) for row in found.rows[one.name] or [Summary(one.name)]]
    if len(rows) > 1 and all(found.rounds[one.name] >= found.rounds[host.name] for one in host.state.active_hosts):
        for line in table(rows):
            logger.info(visible(line))
