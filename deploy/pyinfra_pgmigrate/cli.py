"""The command ``pgmigrate``: write, record and check migrations on the controller.

Each command is a module of ``commands``, loaded when it is asked for.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import PgMigrateError
from .units import visible


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 0, or 1 for a refusal or a finding, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.module is None:
        parser.print_help()
        return 0
    options.folder = Path(options.folder)
    command = importlib.import_module(f".commands.{options.module}", __package__)
    try:
        with _stopped_in_order():
            return int(command.run(options))
    except PgMigrateError as error:
        print(visible(str(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Who reads has seen enough, such as head: as a program that the signal ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end the program as Ctrl-C does: it cleans up first."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Version(argparse.Action):
    """Prints the version, for which alone the metadata of packages are read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415  (on demand: see above)

        print(f"pyinfra-pgmigrate {version('pyinfra-pgmigrate')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pgmigrate", description="Write, record and check migrations.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(module=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    def add(name: str, module: str, purpose: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=purpose)
        command.set_defaults(module=module)
        return command

    init = add("init", "project", "write the files with which a project begins")
    init.add_argument("folder", nargs="?", default=".", help="of the project (default: this one)")
    init.add_argument("--database", default="app", help="name of the database (default: app)")

    baseline = add("baseline", "baseline", "write the structure of a database that exists as baseline.sql")
    _folder(baseline)
    baseline.add_argument(
        "--from", dest="conninfo", metavar="CONNINFO", required=True, help="the database, as libpq takes it"
    )

    take_over = add("import", "take_over", "write the migrations of another tool as files of this one")
    take_over.add_argument("source", type=Path, help="folder of the other tool; it stays as it is")
    _folder(take_over, by_place=False)

    new = add("new", "new", "write the skeleton of a migration")
    new.add_argument("name", help="what it does, in lower case: add_customer_email")
    _folder(new, by_place=False)

    record = add("record", "record", "run the migrations on a scratch database and write their effects")
    _folder(record)
    record.add_argument("--all", action="store_true", help="record all again, also those whose effects are current")
    record.add_argument(
        "--watch", action="store_true", help="go on, and record again whenever a file of the folder has changed"
    )
    _scratch_server(record)

    check = add("check", "check", "say whether effects are current and the rules are kept")
    _folder(check)
    check.add_argument(
        "--format",
        choices=("text", "github", "json"),
        default="text",
        dest="form",
        help="of the findings (default: text)",
    )

    back = add(
        "draft-rollback", "draft_rollback", "write a first draft of a rollback script, tried on a scratch database"
    )
    back.add_argument("range", help="the migrations that it reverts: 001-006")
    _folder(back, by_place=False)
    _scratch_server(back)
    return parser


def _folder(command: argparse.ArgumentParser, *, by_place: bool = True) -> None:
    """Lets a command take the SQL folder as --dir, and where it has no other argument without that, too."""
    if by_place:
        # Without a type, as that would be given the mark of a default that is none.
        command.add_argument("folder", nargs="?", default=argparse.SUPPRESS, help="the same as --dir")
    command.add_argument("--dir", default="sql", dest="folder", help="SQL folder (default: sql)")


def _scratch_server(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--server",
        metavar="CONNINFO",
        help="a server on which a database may be made and dropped; default: an embedded PostgreSQL",
    )
    where.add_argument(
        "--docker",
        metavar="IMAGE",
        help="start a server from this image, made like the official postgres, and remove it at the end",
    )


if __name__ == "__main__":
    sys.exit(main())
