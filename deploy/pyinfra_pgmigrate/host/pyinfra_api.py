"""All that the library takes from pyinfra besides its documented API (measured with pyinfra 3.10)."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any
from weakref import WeakSet

from pyinfra import context
from pyinfra.api import Host, State
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.state import StateStage


class RunStage(Enum):
    """How far a run of pyinfra is."""

    PREPARING = "preparing"
    EXECUTING = "executing"
    ENDED = "ended"


def current_host() -> Host:
    """Returns the host whose turn it is, itself and not pyinfra's stand-in for it."""
    found = context.state.inventory.get_host(context.host.name)
    if found is None:
        raise LookupError(f"{context.host.name} is not in the inventory")
    return found


def moment_of(state: State) -> RunStage:
    """Returns how far a run is; it goes on to the next stage after its last operation."""
    if state.current_stage < StateStage.Execute:
        return RunStage.PREPARING
    return RunStage.EXECUTING if state.current_stage == StateStage.Execute else RunStage.ENDED


def is_preparing() -> bool:
    """Tells whether nothing may be run yet."""
    return moment_of(context.state) is RunStage.PREPARING


@contextmanager
def keyed(host: Host, number: int) -> Iterator[None]:
    """Gives the operations inside the same place on all hosts, whichever each of them has."""
    host.loop_position.append(number)
    try:
        yield
    finally:
        host.loop_position.pop()


def fail(host: Host) -> None:
    """Makes the exit status 1, also of a dry run; operations go on and decide for themselves."""
    context.state.failed_hosts.add(host)


def forgive(host: Host) -> None:
    """Takes back what ``fail`` did."""
    context.state.failed_hosts.discard(host)


def has_failed(state: State, host: Host) -> bool:
    """Tells whether something went wrong on a host, or it was never reached."""
    return host in state.failed_hosts


def was_reached(state: State, host: Host) -> bool:
    """Tells whether there was a connection to a host."""
    return host in state.activated_hosts


def has_run_anything(state: State) -> bool:
    """Tells whether an operation of a run came to its end on some host."""
    return any(results.ops for results in state.results.values())


def count_operations(host: Host) -> int:
    """Returns how many operations were declared for a host so far, of whomever."""
    return len(host.op_hash_order)


def command_line_data(host: Host) -> dict[str, Any]:
    """Returns the host data that stand above those of the inventory: ``--data``."""
    return dict(host.inventory.get_override_data())  # type: ignore[no-untyped-call]


def is_verbose(state: State) -> bool:
    """Tells whether the operator asked for details (``-v``)."""
    return bool(state.print_noop_info)


def chosen_hosts(state: State) -> list[Host]:
    """Returns the hosts that a run is to work on: all of the inventory, or those that ``--limit`` leaves."""
    limit = state.limit_hosts if isinstance(state.limit_hosts, list) else None
    return [host for host in state.inventory if limit is None or host in limit]


def connector_arguments(host: Host) -> dict[str, Any]:
    """Returns the global arguments with which commands run on a host now, such as ``_sudo``."""
    # Outside an operation, as in validate.py, those of the deploy and the host data hold.
    found = host.current_op_global_arguments or pop_global_arguments(host.state, host, {})[0]
    return {key: value for key, value in found.items() if key in CONNECTOR_ARGUMENT_KEYS}


def send_at_once(host: Host) -> None:
    """Has what goes to a host over SSH sent at once.

    Of two small packets the second one waits until the first one is acknowledged, which takes the other side 40 ms
    (Nagle's algorithm, delayed ACK): each command had that to wait, measured with paramiko 4.0: 44 ms instead of 3.
    """
    # Of another connector there is none; behind a jump host it is no socket of ours.
    with suppress(AttributeError, OSError):
        host.connector.client.get_transport().sock.setsockopt(  # type: ignore[attr-defined]
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )


# Runs that are at work, and those of them during which Ctrl-C was pressed.
_at_work: WeakSet[State] = WeakSet()
_interrupted: WeakSet[State] = WeakSet()


def notice_interrupts(state: State) -> None:
    """Has Ctrl-C noticed: pyinfra ends its main greenlet then, and waits for those that serve the hosts.

    What pyinfra does about it stays as it is.
    """
    _at_work.add(state)
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or getattr(before, "notices_interrupts", False):
        return

    def notice(number: int, frame: Any) -> None:
        _interrupted.update(_at_work)
        before(number, frame)

    notice.notices_interrupts = True  # type: ignore[attr-defined]
    with suppress(ValueError):
        # Only the main thread may; elsewhere nobody sends us one.
        signal.signal(signal.SIGINT, notice)


def is_interrupted(state: State) -> bool:
    """Tells whether Ctrl-C was pressed during a run; a program may start another one after it."""
    return state in _interrupted
