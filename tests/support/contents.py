"""What is in a database, counted and hashed as the library does it."""

from __future__ import annotations

import subprocess

from pyinfra_pgmigrate.backup import contents
from pyinfra_pgmigrate.backup.contents import Contents
from pyinfra_pgmigrate.psql.answer import read_answer
from pyinfra_pgmigrate.psql.command import psql_command
from pyinfra_pgmigrate.psql.script import Run
from pyinfra_pgmigrate.settings import read_settings

from tests.support.servers import Database

RUN = Run("00000000-0000-0000-0000-000000000000", "tester", "here", "@local", "0")


def contents_of(database: Database) -> Contents:
    """Returns rows and hashes of all tables, and the catalog."""
    settings = read_settings(database.settings())
    command = psql_command(contents.contents_script(RUN, settings.schema), settings.connection)
    ended = subprocess.run(
        command.line, shell=True, input="\n".join(command.stdin), capture_output=True, text=True, check=True
    )
    answer = read_answer(ended.stdout.splitlines())
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return contents.contents_of(answer)
