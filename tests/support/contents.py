"""What is in a database, counted and hashed as the library does it."""

from __future__ import annotations

import subprocess

from pyinfra_pgmigrate.backup.manifest import Contents
from pyinfra_pgmigrate.psql import answers, command, questions
from pyinfra_pgmigrate.psql.script import Run
from pyinfra_pgmigrate.settings import read_settings

from tests.support.servers import Database

RUN = Run("00000000-0000-0000-0000-000000000000", "tester", "here", "@local", "0")


def contents_of(database: Database) -> Contents:
    """Returns rows and hashes of all tables, and the catalog."""
    settings = read_settings(database.settings())
    command = command.run(questions.contents(RUN, settings.schema), settings.connection)
    ended = subprocess.run(
        command.line, shell=True, input="\n".join(command.stdin), capture_output=True, text=True, check=True
    )
    answer = command.read_answer(ended.stdout.splitlines())
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return answers.contents(answer)
