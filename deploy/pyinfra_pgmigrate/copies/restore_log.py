"""What a restore left out or could not do: complaints of pg_restore, sorted, and contents compared. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..backup.contents import Contents, are_same_rows
from ..catalog.lines import Catalog, is_own, key_of, unescaped
from .ownership import Left, roles_in


@dataclass(frozen=True)
class Judged:
    """What pg_restore complained of, sorted.

    + notes: reasons outside the backup, for people
    + failures: all others
    + lost: names of roles and extensions that the copy cannot have
    + bare: names of objects that came without their owner and grants for that reason
    + made: names of event triggers and publications that could not be made
    + defaults: roles whose default privileges could not be set
    """

    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()

    def and_left(self, left: Left) -> Judged:
        """Returns the same with what could not be done with owners and rights."""
        return replace(
            self,
            notes=tuple(dict.fromkeys((*self.notes, *left.notes))),
            lost=self.lost | left.roles,
            bare=self.bare | left.names,
            made=self.made | left.made,
            defaults=self.defaults | left.defaults,
        )

    def explains(self, line: str) -> bool:
        """Tells whether a catalog line differs for one of these reasons."""
        # A view's full text differs between major versions; its comparable text is a line of its own.
        if line.startswith("definition "):
            return True
        key = key_of(line)
        if is_own(line):
            is_default = key.startswith(("defaults ", "database_defaults "))
            about = _names_one_of(line, self.defaults) if is_default else _is_about(key, self.bare | self.made)
            return about or _names_one_of(line, self.lost)
        if key.startswith(("event_trigger ", "publication")):
            return _names_one_of(key, self.made)
        return key.startswith(("extension ", "schema ", "policy ")) and _names_one_of(line, self.lost)


def _is_about(key: str, names: Collection[str]) -> bool:
    """Tells whether the object of a key, or the table of a column, has one of these names, in whichever schema.

    >>> _is_about('function "F(x)"(int)', {"F(x)"}), _is_about("column s.t.c", {"t"}), _is_about("table s.t", {"s"})
    (True, True, False)
    """
    kind, _, ident = key.partition(" ")
    words = re.match(r'(?:"(?:[^"]|"")*"|[^".( ])+(?:\.(?:"(?:[^"]|"")*"|[^".( ])+)*', unescaped(ident))
    parts = re.findall(r'"(?:[^"]|"")*"|[^.]+', words[0]) if words else []
    place = 2 if kind == "column" else 1
    return len(parts) >= place and parts[-place].strip('"').replace('""', '"') in names


def _names_one_of(line: str, names: Collection[str]) -> bool:
    return any(re.search(rf'(?<![\w"]){re.escape(name)}(?![\w"])', line) for name in names)


def differences(expected: Contents, found: Contents, judged: Judged | None = None) -> Iterator[str]:
    """Yields what is otherwise in a restored copy.

    + judged: what pg_restore complained of; lines that this explains do not count
    """
    for table in sorted({*expected.tables, *found.tables}):
        was, now = expected.tables.get(table), found.tables.get(table)
        if are_same_rows(was, now):
            continue
        if was is None or now is None:
            yield f"table {table} is {'not in the backup' if was is None else 'missing'}"
        elif was[0] != now[0]:
            yield f"table {table} has {now[0]} rows, expected {was[0]}"
        else:
            yield f"table {table} has other contents in its {now[0]} rows"
    if expected.large_objects != found.large_objects:
        yield f"there are {found.large_objects} large objects, expected {expected.large_objects}"
    if expected.lines_version != found.lines_version:
        # Lines in another form cannot be compared; tables and rows can.
        return
    change = expected.catalog.difference(found.catalog)
    for line in change.render():
        if judged is None or not judged.explains(line[2:]):
            yield f"catalog: {line}"


@dataclass(frozen=True)
class Complaint:
    """Something that pg_restore could not do.

    + command: what it tried; empty where it does not say
    + context: what the server says besides, among it the functions that were at work
    """

    message: str
    command: str = ""
    context: str = field(default="", repr=False)


def complaints(output: str) -> list[Complaint]:
    r"""Returns the errors that pg_restore printed.

    Source: pg_backup_archiver.c, PostgreSQL 15 to 18: an error, and the command up to an empty line.

    >>> complaints('pg_restore: error: could not execute query: ERROR:  no\nCommand was: GRANT x;\n\n')
    [Complaint(message='no', command='GRANT x;')]
    """
    found: list[Complaint] = []
    inside = ""
    for line in output.splitlines():
        if error := re.match(r"pg_restore: error: (?:could not execute query: [^:]+: +)?(.*)", line):
            found.append(Complaint(error[1]))
            inside = "context"
        elif found and line.startswith("Command was: "):
            inside = "command"
            found[-1] = replace(found[-1], command=line.removeprefix("Command was: "))
        elif line.startswith("pg_restore: ") or (not line and inside == "command"):
            # Not for an empty line in the context: the text of a function may end with one.
            inside = ""
        elif inside == "command":
            found[-1] = replace(found[-1], command=f"{found[-1].command} {line.strip()}")
        elif inside == "context":
            found[-1] = replace(found[-1], context=f"{found[-1].context}{line}\n")
    return found


# A program newer than the server sets what the server does not know.
_UNKNOWN_SETTING = "SET transaction_timeout ="


MOST_COMMAND = 120


def judged(found: Sequence[Complaint], roles: Collection[str]) -> Judged:
    """Returns the complaints of pg_restore, sorted.

    + roles: that the server has

    What was left out with an extension need not be named by it: whether that is all that is missing, the
    comparison of tables and catalog tells.
    """
    notes: dict[str, None] = {}
    failures: list[str] = []
    missing: set[str] = set()
    bare: set[str] = set()
    made = [re.match(r'CREATE EXTENSION (?:IF NOT EXISTS )?"?([^"\s;]+)', complaint.command) for complaint in found]
    lost = {one[1] for one in made if one is not None}
    for complaint, extension in zip(found, made, strict=True):
        gone = sorted(roles_in(complaint.command) - {*roles})
        if complaint.command.startswith(_UNKNOWN_SETTING):
            continue
        if gone:
            for role in gone:
                notes[f'role "{role}" is not on the server: what it owns or may do was left out'] = None
            missing.update(gone)
            # The grants of an object are one command: all of them or none.
            bare.update(name.strip('"') for name in re.findall(r'[\w"]+\.("[^"]+"|\w+)', complaint.command))
        elif extension is not None:
            notes[f'extension "{extension[1]}" could not be made: {complaint.message}'] = None
        elif lost and complaint.command:
            notes[f"left out with an extension: {complaint.command[:MOST_COMMAND]}"] = None
        else:
            failures.append(f"{complaint.message} ({complaint.command[:MOST_COMMAND]})".removesuffix(" ()"))
    return Judged(tuple(notes), tuple(failures), frozenset(missing | lost), frozenset(bare))


@dataclass(frozen=True)
class Unfound:
    """A function that does not find something by name when a restore calls it: a restore has no search_path.

    + function: as ALTER FUNCTION takes it, with its arguments where they are known
    + is_own: it belongs to no extension
    + complaint: of the server
    """

    function: str
    is_own: bool
    complaint: Complaint


# Where the server says in which function it was; the messages of a copy's role are in English.
_IN_FUNCTION = re.compile(r'(?:PL/pgSQL function (.+?\(.*?\)) line \d|SQL function "(.+?)" )')


def _bare(function: str) -> str:
    """Returns the name of a function without schema, quotes and arguments."""
    return function.partition("(")[0].rpartition(".")[2].strip('"')


def unfound(found: Sequence[Complaint], catalog: Catalog) -> Unfound | None:
    """Returns the first function for which a restore fails as it does not name its schemas; None where there is none.

    + catalog: of the database, with the arguments of its functions

    >>> complaint = Complaint('relation "t" does not exist', "CREATE INDEX i", 'SQL function "f" during startup')
    >>> unfound([complaint], Catalog.of(["function f(integer) returns integer"])).function
    'f(integer)'
    """
    functions = [key_of(line).removeprefix("function ") for line in catalog.lines if line.startswith("function ")]
    for complaint in found:
        if "does not exist" not in complaint.message:
            continue
        named = _IN_FUNCTION.search(complaint.context)
        if named is not None:
            function = str(named[1] or named[2])
            known = [one for one in functions if _bare(one) == _bare(function)]
            return Unfound(known[0] if len(known) == 1 else function, bool(known), complaint)
    return None


# The server's or the machine's trouble, not the backup's.
_OUTSIDE = re.compile(
    r"No space left on device|could not extend file|connection to server|server closed the connection"
    r"|terminating connection|out of memory|too many connections|the database system is"
)


def outside(status: int, failures: Sequence[str]) -> str:
    """Returns why a restore ended for reasons that say nothing of the backup; empty where there is none.

    + status: of pg_restore; above 128 a signal ended it

    >>> outside(137, [])
    'pg_restore was ended by signal 9'
    """
    if status > 128:
        return f"pg_restore was ended by signal {status - 128}"
    return next((failure for failure in failures if _OUTSIDE.search(failure)), "")
