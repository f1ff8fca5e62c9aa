"""The command ``pgmigrate``: write, record and check migrations on the controller."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from .commands.baseline import write_baseline
from .commands.check import FORMATS, check_folder
from .commands.project import begin_project
from .commands.take_over import import_folder
from .commands.writing import there_already, write_new, writing
from .embedded import DEFAULT_VERSION, scratch_server
from .errors import Kind, PgMigrateError
from .migrations.files import read_baseline, read_folder
from .migrations.record import record_folder
from .rollback.drafts import draft
from .units import visible

_RANGE = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]+)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")

_SKELETON = """\
-- purpose: {purpose}
-- phase: schema

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 0, or 1 for a refusal or a finding, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    options.folder = Path(options.folder)
    try:
        with _stopped_in_order():
            return int(options.run(options))
    except PgMigrateError as error:
        print(visible(str(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 128 + signal.SIGINT


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pgmigrate", description="Write, record and check migrations.")
    parser.add_argument("--version", action="version", version=f"pyinfra-pgmigrate {version('pyinfra-pgmigrate')}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    init = commands.add_parser("init", help="write the files with which a project begins")
    init.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the project (default: this one)")
    init.add_argument("--database", default="app", help="name of the database (default: app)")
    init.set_defaults(run=lambda options: begin_project(options.folder, options.database, _tell))

    baseline = commands.add_parser("baseline", help="write the structure of a database that exists as baseline.sql")
    _folder(baseline)
    baseline.add_argument(
        "--from", dest="conninfo", metavar="CONNINFO", required=True, help="the database, as libpq takes it"
    )
    baseline.set_defaults(run=lambda options: write_baseline(options.conninfo, options.folder, _tell))

    take_over = commands.add_parser("import", help="write the migrations of another tool as files of this one")
    take_over.add_argument("source", type=Path, help="folder of the other tool; it stays as it is")
    _folder(take_over, by_place=False)
    take_over.set_defaults(run=lambda options: import_folder(options.source, options.folder, _tell))

    new = commands.add_parser("new", help="write the skeleton of a migration")
    new.add_argument("name", help="what it does, in lower case: add_customer_email")
    _folder(new, by_place=False)
    new.set_defaults(run=_new)

    record = commands.add_parser("record", help="run the migrations on a scratch database and write their effects")
    _folder(record)
    _scratch_server(record)
    record.set_defaults(run=_record)

    check = commands.add_parser("check", help="say whether effects are current and the rules are kept")
    _folder(check)
    check.add_argument("--format", choices=FORMATS, default="text", dest="form", help="of the findings (default: text)")
    check.set_defaults(run=lambda options: check_folder(options.folder, options.form, _tell))

    back = commands.add_parser(
        "draft-rollback", help="write a first draft of a rollback script, tried on a scratch database"
    )
    back.add_argument("range", help="the migrations that it reverts: 001-006")
    _folder(back, by_place=False)
    _scratch_server(back)
    back.set_defaults(run=_draft_rollback)
    return parser


def _folder(command: argparse.ArgumentParser, *, by_place: bool = True) -> None:
    """Lets a command take the SQL folder as --dir, and where it has no other argument without that, too."""
    if by_place:
        # Without a type, as that would be given the mark of a default that is none.
        command.add_argument("folder", nargs="?", default=argparse.SUPPRESS, help="the same as --dir")
    command.add_argument("--dir", default="sql", dest="folder", help="SQL folder (default: sql)")


def _scratch_server(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--server",
        metavar="CONNINFO",
        help="a server on which a database may be made and dropped; default: an embedded PostgreSQL",
    )


def _tell(text: str) -> None:
    print(visible(text))


def _new(options: argparse.Namespace) -> int:
    if not _NAME.fullmatch(options.name):
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot name a migration "{options.name}"',
            detail=f'Found "{options.name}"; expected lower case letters, digits and _, beginning with a letter.',
            hint="Run: pgmigrate new add_customer_email",
        )
    migrations = read_folder(options.folder) if any(options.folder.glob("[0-9]*_*.sql")) else []
    width = max((len(migration.name.split("_")[0]) for migration in migrations), default=3)
    number = max((migration.version for migration in migrations), default=0) + 1
    path = options.folder / f"{number:0{width}}_{options.name}.sql"
    write_new(path, _SKELETON.format(purpose=options.name.replace("_", " ")))
    print(f"wrote {path}; write the change into it, then run: pgmigrate record {options.folder}")
    return 0


@contextmanager
def _server(conninfo: str | None) -> Iterator[str]:
    """Yields how to reach the given server, or an embedded one that is there meanwhile."""
    if conninfo is not None:
        yield conninfo
        return
    print(f"starting an embedded PostgreSQL {DEFAULT_VERSION}")
    with scratch_server() as server:
        yield server.conninfo()


def _record(options: argparse.Namespace) -> int:
    # What the files themselves show is said before a server is started.
    read_folder(options.folder)
    read_baseline(options.folder)
    with _server(options.server) as conninfo:
        texts = record_folder(options.folder, conninfo, is_throwaway=options.server is None, tell=print)
    for name, text in texts.items():
        path = options.folder / name
        before = path.read_bytes() if path.is_file() else None
        if before == text.encode():
            print(f"{name}: as before")
            continue
        draft = path.with_name(f"{name}.partial")
        with writing(path):
            draft.write_bytes(text.encode())
            draft.replace(path)
        print(f"{name}: {'recorded' if before is None else 'changed, look at it: git diff ' + str(path)}")
    return 0


def _draft_rollback(options: argparse.Namespace) -> int:
    found = _RANGE.fullmatch(options.range)
    if found is None:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot draft the way back of "{options.range}"',
            detail=f'Found "{options.range}"; expected the first and the last number, such as 001-006.',
            hint="Run: pgmigrate draft-rollback 001-006",
        )
    first, last = int(found["first"]), int(found["last"])
    known = [one for one in read_folder(options.folder) if first <= one.version <= last]
    ends = [one.name.split("_")[0] for one in (known[0], known[-1])] if known else [found["first"], found["last"]]
    path = options.folder / f"rollback_{ends[0]}_{ends[1]}.sql"
    if path.exists():
        raise there_already(path)
    with _server(options.server) as conninfo:
        drafted = draft(options.folder, first, last, conninfo, is_throwaway=options.server is None, tell=print)
    write_new(path, drafted.text)
    if drafted.todos:
        print(f"{len(drafted.todos)} line{'s' if len(drafted.todos) > 1 else ''} of it say TODO: they need a hand")
    print(f"wrote {path}; read it line by line, then try it: deploy/rollback.py on a staging host, with --dry first")
    return 0


if __name__ == "__main__":
    sys.exit(main())
