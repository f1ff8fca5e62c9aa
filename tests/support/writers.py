"""Clients that use the legacy application's tables all the while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.support.servers import Database


def longest_stall_s(attempt: Callable[[], float], limit_s: float) -> float:
    """Returns the longest stall of an attempt, of the best of three where those before are beyond the limit.

    What the library causes comes each time; a stall of a busy machine does not, nor one of the clients themselves, whose
    threads share a process with pyinfra: some wait for a second while the server logs no wait for a lock.
    """
    least_s = attempt()
    for _ in range(2):
        if least_s >= limit_s:
            least_s = min(least_s, attempt())
    return least_s


class Writers:
    """Clients that read and write groups as fast as they can, and note each error and the longest stall.

    + reconnect: True connects again when a session was ended, without an error; the stall counts
    + pause_s: seconds that each waits after each turn
    """

    def __init__(self, database: Database, count: int = 8, *, reconnect: bool = False, pause_s: float = 0.0) -> None:
        self.database = database
        self.reconnect = reconnect
        self.pause_s = pause_s
        self.stop = threading.Event()
        self.errors: list[str] = []
        self.longest_s = 0.0
        self.done = 0
        self.reconnects = 0
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _work(self, number: int) -> None:
        connection = self.database.server.connect(self.database.name)
        projects = [row[0] for row in connection.execute("SELECT id FROM projects ORDER BY id")]
        turn = 0
        while not self.stop.is_set():
            turn += 1
            started = time.monotonic()
            try:
                self._use(connection, projects[(turn * 7 + number) % len(projects)], f"{number}-{turn}")
            except psycopg.Error as error:
                if connection.closed and self.reconnect:
                    again = self._again()
                    if again is None:
                        return
                    connection = again
                elif not isinstance(error, psycopg.errors.DeadlockDetected):
                    self.errors.append(str(error))
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            self.done += 1
            if self.pause_s:
                self.stop.wait(self.pause_s)
        connection.close()

    @staticmethod
    def _use(connection: psycopg.Connection[Any], project: object, name: str) -> None:
        connection.execute("SELECT id, name FROM project_equipment_groups WHERE project_id = %s", [project])
        connection.execute("INSERT INTO project_equipment_groups (project_id, name) VALUES (%s, %s)", [project, name])
        connection.execute("UPDATE project_roles SET daily_rate = 1 WHERE project_id = %s", [project])

    def _again(self) -> psycopg.Connection[Any] | None:
        """Returns a new session; None where it is time to stop."""
        while True:
            self.reconnects += 1
            try:
                return self.database.server.connect(self.database.name)
            except psycopg.OperationalError:
                if self.stop.wait(0.01):
                    return None
