"""Starts programs without copying the test process first.

pyinfra starts programs with gevent, which forks: with all that a test process has loaded that takes some 8 ms each
time, ``posix_spawn`` 1 ms. Where the command itself is tested (``tests/acceptance``), gevent does it as ever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import gevent.subprocess
from gevent.os import fork_and_watch

# What it has inside is not described to type checkers.
_GEVENT: Any = gevent.subprocess
_DEFAULTS = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)]


def _as_pyinfra_calls(arguments: tuple[Any, ...]) -> tuple[list[str], list[tuple[int, int]]] | None:
    """Returns the words of a command and its three ends of pipes; None where the call asks for more than these.

    + arguments: those of gevent's ``Popen._execute_child``
    """
    (args, executable, preexec_fn, _, pass_fds, cwd, env, _, _, _, shell, p2cread, _, _, c2pwrite, _, errwrite,
     _, gid, gids, uid, umask, new_session, group) = arguments  # fmt: skip
    ends = [(p2cread, 0), (c2pwrite, 1), (errwrite, 2)]
    asks_more = [executable, preexec_fn, pass_fds, cwd, env, gid, gids, uid, new_session, group is not None]
    if not shell or any(asks_more) or umask >= 0 or any(end < 3 for end, _ in ends):
        return None
    return ["/bin/sh", "-c", *([args] if isinstance(args, str) else args)], ends


def spawn_without_fork() -> None:
    """Lets gevent start shell commands by ``posix_spawn`` from now on, in this process."""
    execute = _GEVENT.Popen._execute_child

    def execute_child(self: Any, *arguments: Any) -> None:
        found = _as_pyinfra_calls(arguments)
        if found is None:
            execute(self, *arguments)
            return
        words, ends = found

        def spawn() -> int:
            duplicates = [(os.POSIX_SPAWN_DUP2, end, place) for end, place in ends]
            return os.posix_spawn(words[0], words, os.environ, file_actions=duplicates, setsigdef=_DEFAULTS)

        def watch(callback: Callable[..., Any], loop: Any, ref: bool, _: Any) -> int:
            # Until here nothing waits; from here on others come between.
            _GEVENT.fork_and_watch = fork_and_watch
            return fork_and_watch(callback, loop, ref, spawn)

        _GEVENT.fork_and_watch = watch
        try:
            execute(self, *arguments)
        finally:
            _GEVENT.fork_and_watch = fork_and_watch

    _GEVENT.Popen._execute_child = execute_child
