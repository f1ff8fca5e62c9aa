"""Runs deploys through pyinfra's API on this machine (@local), without the command line."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pyinfra import logger
from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.deploy import add_deploy
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.operations import run_ops
from pyinfra.api.state import StateStage
from pyinfra.context import ctx_host, ctx_state
from pyinfra_pgmigrate import (
    backup_database,
    database_status,
    migrate_database,
    restore_database,
    rollback_database,
    validate_database,
)
from pyinfra_pgmigrate.planning.database import DatabaseSession
from pyinfra_pgmigrate.report.writer import finish

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a line, without colours and without the host in front."""
        self.lines.append(_COLOURS.sub("", record.getMessage()).replace("[@local] ", "").strip())


@dataclass
class Result:
    """What a run did.

    + predicted: operations that were expected to change something, by name
    + changed, unchanged, failed: operations as they ended, by name
    + page: of the report, where one was written
    """

    lines: list[str]
    ok: bool = True
    predicted: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    page: Path | None = None

    @property
    def text(self) -> str:
        """All that was logged."""
        return "\n".join(self.lines)

    @property
    def refusals(self) -> list[str]:
        """The refusals, each in three lines, each once."""
        found = [
            "\n".join(self.lines[place - 1 : place + 2])
            for place, line in enumerate(self.lines)
            if line.startswith("DETAIL: ")
        ]
        return list(dict.fromkeys(found))


def run(
    deploy: Callable[..., Any],
    data: Mapping[str, Any],
    *,
    execute: bool = True,
    command_line: Mapping[str, Any] | None = None,
) -> Result:
    """Runs a deploy on @local with host data.

    + execute: False stops after the prepare phase, as --dry does
    + command_line: what --data gives
    """
    # Tests look at the details, too, as -v shows them.
    with patch("pyinfra_pgmigrate.host.session.is_verbose", return_value=True):
        return _run(deploy, data, dict(command_line or {}), execute=execute)


def _run(deploy: Callable[..., Any], data: Mapping[str, Any], command_line: dict[str, Any], *, execute: bool) -> Result:
    handler = _Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    result = Result(handler.lines)
    inventory = Inventory(([("@local", dict(data))], {}), override_data=command_line)
    state = State(inventory, Config())
    try:
        state.set_stage(StateStage.Connect)
        connect_all(state)
        state.set_stage(StateStage.Prepare)
        add_deploy(state, deploy)
        host = inventory.get_host("@local")
        names = {name: next(iter(state.get_op_meta(name).names)).split(" | ")[-1] for name in state.get_op_order()}
        metas = {name: state.get_op_data_for_host(host, key).operation_meta for key, name in names.items()}
        result.predicted = [name for name, meta in metas.items() if meta.will_change]
        if execute:
            state.set_stage(StateStage.Execute)
            try:
                run_ops(state)
            except PyinfraError as error:
                result.lines.append(str(error))
            for name, meta in metas.items():
                if not meta.is_complete():
                    continue
                kind = result.failed if meta.did_error() else result.changed if meta.did_change() else result.unchanged
                kind.append(name)
        result.ok = not state.failed_hosts
    except BaseException:
        # A test whose time is over: what still runs would keep the disconnecting waiting.
        state.pool.kill()
        raise
    finally:
        if state.current_stage == StateStage.Execute:
            state.set_stage(StateStage.Disconnect)
        result.page = finish(state)
        state.set_stage(StateStage.Disconnect)
        disconnect_all(state)
        logger.removeHandler(handler)
        logger.setLevel(level)
    return result


@contextmanager
def engine_of(data: Mapping[str, Any], name: str = "@local") -> Iterator[DatabaseSession]:
    """Gives an engine on a host with host data, as a deploy has it when it prepares."""
    inventory = Inventory(([(name, dict(data))], {}))
    state = State(inventory, Config())
    try:
        state.set_stage(StateStage.Connect)
        connect_all(state)
        state.set_stage(StateStage.Prepare)
        host = inventory.get_host(name)
        with ctx_state.use(state), ctx_host.use(host):
            yield DatabaseSession.of(host, {})
    finally:
        state.set_stage(StateStage.Disconnect)
        disconnect_all(state)


def migrate(data: Mapping[str, Any], *, execute: bool = True, command_line: Mapping[str, Any] | None = None) -> Result:
    """Runs migrate_database; see ``run``."""
    return run(migrate_database, data, execute=execute, command_line=command_line)


def status(data: Mapping[str, Any], *, command_line: Mapping[str, Any] | None = None) -> Result:
    """Runs database_status; see ``run``."""
    return run(database_status, data, command_line=command_line)


def backup(data: Mapping[str, Any], *, execute: bool = True) -> Result:
    """Runs backup_database; see ``run``."""
    return run(backup_database, data, execute=execute)


def restore(data: Mapping[str, Any], *, execute: bool = True) -> Result:
    """Runs restore_database; see ``run``."""
    return run(restore_database, data, execute=execute)


def rollback(data: Mapping[str, Any], *, execute: bool = True, command_line: Mapping[str, Any] | None = None) -> Result:
    """Runs rollback_database; see ``run``."""
    return run(rollback_database, data, execute=execute, command_line=command_line)


def validate(data: Mapping[str, Any]) -> Result:
    """Runs validate_database; see ``run``."""
    return run(validate_database, data)
