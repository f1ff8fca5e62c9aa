"""Journals of runs on captured states, and what the report makes of them."""

from __future__ import annotations

from typing import Any

from pyinfra_pgmigrate.report.document import document, render_pages
from pyinfra_pgmigrate.report.findings import HostState, Stage
from pyinfra_pgmigrate.report.journal import Journal

from tests.support import plans
from tests.support.captured import observed
from tests.support.contents import RUN


def journal(host: str = "web-1", state: str = "legacy") -> Journal:
    """Returns the journal of a run that looked at a captured state."""
    found = Journal(host, "shop", began_s=0)
    found.observed, found.plan = observed(18, state), plans.plan(state)
    found.deploys = ["Migrate database"]
    return found


def whole(
    *journals: Journal, hosts: dict[str, HostState] | None = None, stage: Stage = Stage.ENDED, now_s: float = 61.5
) -> dict[str, Any]:
    return document(RUN, journals, {one.host: HostState.GOOD for one in journals} | (hosts or {}), stage, 0.0, now_s)


def one_host(found: Journal, stage: Stage = Stage.ENDED) -> dict[str, Any]:
    (host,) = whole(found, stage=stage)["hosts"]
    assert isinstance(host, dict)
    return host


def page_of(found: Journal, stage: Stage = Stage.ENDED) -> str:
    """Returns the page of a run on one host."""
    (page,) = render_pages(whole(found, stage=stage)).values()
    return page
