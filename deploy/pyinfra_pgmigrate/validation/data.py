"""Whether the rows and the totals of a backup are still there: checks with PASS, WARN or FAIL. Pure.

Only columns that were there when the backup was taken, and still are, count: what migrations added is no
difference. While somebody writes (pg_writes) a difference is explained and told; where nobody does it is a
failure, unless a migration writes to that table itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..application.totals import Answers, Total, are_equal, described
from ..backup.contents import Contents, are_same_rows, identifiers
from ..backup.manifest import Manifest
from ..catalog.lines import Catalog, bare_name, key_of, parts_of
from ..catalog.parts import ancestors, columns_of, parents_in
from ..migrations.files import Migration
from ..registry.model import Observed
from .verdict import Check, Verdict

# Keys of a table that a message names, of each kind.
MOST_KEYS = 5

_AFTER_TYPE = re.compile(r" (?:collate|not null|generated|default|storage|compression|statistics|with) .*| not null$")
_GENERATED = re.compile(r" generated always as \(.*")


@dataclass(frozen=True)
class LeftOut:
    """A column of a backup that cannot be compared: it went, or is of another type.

    + by: the migration that made it so; empty: others did
    """

    column: str
    by: str


@dataclass(frozen=True)
class Compared:
    """A table of a backup and how it is compared with the one that is there.

    + ident: with its schema
    + is_there, taken_by: whether it still exists, and the migration that took it away
    + columns: that count, quoted as SQL would need them; None where the catalog has none: all
    + written_by: migrations since the backup that write to it themselves
    """

    ident: str
    is_there: bool
    taken_by: str = ""
    columns: tuple[str, ...] | None = None
    left_out: tuple[LeftOut, ...] = ()
    written_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Some:
    """Rows of one kind: how many, and the keys of the first."""

    count: int = 0
    keys: tuple[str, ...] = ()

    def told(self, what: str) -> str:
        """Returns them in words; empty where there are none."""
        if not self.count:
            return ""
        more = ", ..." if 0 < len(self.keys) < self.count else ""
        return f"{self.count} {what}" + (f" ({', '.join(self.keys)}{more})" if self.keys else "")


@dataclass(frozen=True)
class Rows:
    """How the rows of a table differ from those of a backup.

    + key: columns of the primary key; empty where there is none: then a changed row counts as one that went and
      one that came
    """

    key: tuple[str, ...] = ()
    inserted: Some = Some()
    deleted: Some = Some()
    changed: Some = Some()

    def __bool__(self) -> bool:
        return bool(self.inserted.count or self.deleted.count or self.changed.count)

    def __str__(self) -> str:
        parts = (self.inserted.told("inserted"), self.deleted.told("deleted"), self.changed.told("changed"))
        by = f"by {', '.join(self.key)}: " if self.key else "no primary key to name rows by: "
        return by + (", ".join(filter(None, parts)) or "none differs now")


@dataclass(frozen=True)
class Source:
    """The backup that a database is compared with.

    + is_quiet: nobody has written since it was taken, as pg_writes=stopped says
    """

    label: str
    taken_at: str
    contents: Contents
    is_quiet: bool

    @classmethod
    def of(cls, manifest: Manifest, contents: Contents, *, is_quiet: bool) -> Source:
        """Returns the source that a backup is."""
        return cls(manifest.label, manifest.taken_at, contents, is_quiet)

    def answers(self, total: Total) -> bool:
        """Tells whether a total could be asked when the backup was taken."""
        found = self.contents.totals.get(total.name)
        return found is not None and not found.problem

    def __str__(self) -> str:
        return f"backup {self.label} of {self.taken_at}"


def label_before(observed: Observed) -> str:
    """Returns the label of the backup before the first migration that holds and has one; empty: there is none."""
    found = [row.backup for _, row in sorted(observed.applied.items()) if row.backup]
    return found[0] if found else ""


def compared_tables(
    source: Source, observed: Observed, migrations: Sequence[Migration], schema: str, scope: str = ""
) -> list[Compared]:
    """Returns the tables of a backup, those of the registry left out, each with the columns that count.

    + schema: the target schema; scope: where only its tables are compared, the same, else empty
    """
    then, now = _columns_of(source.contents, schema), _columns(observed.catalog)
    since = _since(source, observed, migrations, scope)
    parents = dict(parents_in(observed.catalog.lines))
    found = []
    for ident in sorted(source.contents.tables):
        if ident.startswith("pgmigrate.") or (scope and identifiers(ident)[0] != scope):
            continue
        name = catalog_name(ident, schema)
        is_there = any(line.split(" ", 1)[0] == "table" for line in observed.catalog.by_key.get(f"table {name}", ()))
        was, has = then.get(name, {}), now.get(name, {})
        tables = [name, *ancestors(name, parents)]
        left = [column for column, kind in was.items() if has.get(column) != kind]
        found.append(
            Compared(
                ident,
                is_there,
                taken_by=_changed_by(since, observed, f"table {name}"),
                columns=tuple(column for column in was if column not in left) if was else None,
                left_out=tuple(
                    LeftOut(column, _changed_by(since, observed, *(f"column {table}.{column}" for table in tables)))
                    for column in left
                ),
                written_by=tuple(one.name for one in since if _writes_to(one, name)),
            )
        )
    return found


def _since(source: Source, observed: Observed, migrations: Sequence[Migration], scope: str) -> list[Migration]:
    contents = source.contents
    before = {version for version, _ in (contents.applied_in.get(scope, ()) if scope else contents.applied)}
    return [one for one in migrations if one.version in observed.applied and one.version not in before]


def catalog_name(ident: str, schema: str) -> str:
    """Returns the name of a table in catalog lines, which leave out the schema of the migrations."""
    return parts_of(ident)[1] if identifiers(ident)[0] == schema else ident


def _columns_of(contents: Contents, schema: str) -> dict[str, dict[str, str]]:
    """Returns the columns of a backup as seen from a schema, whichever its lines leave out."""
    found = _columns(contents.catalog)
    if contents.schema in ("", schema):
        return found
    seen, idents = {}, {identifiers(ident): ident for ident in contents.tables}
    for table, columns in found.items():
        above, name = parts_of(table)
        if not above:
            seen[idents.get((contents.schema, bare_name(table)), table)] = columns
        elif identifiers(table)[0] == schema:
            seen[name] = {column: kind.replace(f"{above}.", "") for column, kind in columns.items()}
        else:
            seen[table] = columns
    return seen


def _columns(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Returns the columns of each table with their type, and with what generates them."""
    found: dict[str, dict[str, str]] = {}
    for table, columns in columns_of(catalog.lines).items():
        for column, definition in columns.items():
            generated = _GENERATED.search(definition)
            kind = _AFTER_TYPE.sub("", definition) + (generated[0] if generated is not None else "")
            found.setdefault(table, {})[column] = kind
    return found


def _changed_by(since: Sequence[Migration], observed: Observed, *keys: str) -> str:
    """Returns the migration that took away or changed what has one of some keys; empty: none did."""
    for one in since:
        lines = set(observed.applied[one.version].removed or ())
        if one.effect is not None:
            lines |= one.effect.patch.minus
        if any(line.startswith(keys) and key_of(line) in keys for line in lines):
            return one.name
    return ""


def _writes_to(migration: Migration, table: str) -> bool:
    effects = () if migration.effect is None else migration.effect.statements
    return any(lock.mode == "RowExclusiveLock" and lock.relation == table for one in effects for lock in one.locks)


def differing(tables: Sequence[Compared], source: Source, found: Mapping[str, tuple[int, str]]) -> list[Compared]:
    """Returns the tables whose rows are not those of the backup, or of which counts and hashes do not tell.

    + found: rows and content hash by table, over the columns that count
    """
    return [
        one
        for one in tables
        if one.is_there and (one.left_out or not are_same_rows(_was(source, one), found.get(one.ident)))
    ]


def _was(source: Source, table: Compared) -> tuple[int, str]:
    return source.contents.tables[table.ident]


def data_checks(
    tables: Sequence[Compared],
    source: Source,
    found: Mapping[str, tuple[int, str]],
    explained: Mapping[str, Rows | str],
) -> Iterator[Check]:
    """Yields whether the rows of a backup are there: one check of all that are, one of each table otherwise.

    + found: rows and content hash by table, over the columns that count
    + explained: how a table that differs does, or why that is not known
    """
    whole = [one for one in tables if one.is_there]
    suspects = {one.ident for one in differing(tables, source, found)}
    for table in tables:
        if not table.is_there:
            yield _gone(table, source)
        elif table.ident in suspects:
            rows = explained.get(table.ident, "not looked at")
            check = _judged(table, source, found, rows)
            if check is not None:
                whole.remove(table)
                yield check
    if whole or not tables:
        rows_there = sum(_was(source, table)[0] for table in whole)
        some = "" if len(whole) == len(tables) else "other "
        yield Check(Verdict.PASS, "data", f"{len(whole)} {some}tables with {rows_there} rows as in {source}")


def _gone(table: Compared, source: Source) -> Check:
    if table.taken_by:
        return Check(Verdict.PASS, "data", f"{table.ident}, taken away by {table.taken_by}")
    found = "it is missing, and no migration takes it away"
    return Check(Verdict.FAIL, "data", table.ident, found, _expected(table, source), _restore(table, source))


def _judged(table: Compared, source: Source, found: Mapping[str, tuple[int, str]], rows: Rows | str) -> Check | None:
    """Returns the check of a table that seems to differ; None where its rows turn out to be the same."""
    by_others = [one.column for one in table.left_out if not one.by]
    if isinstance(rows, Rows) and not rows and not by_others and (table.left_out or not source.is_quiet):
        # Only what cannot be compared is different; or the last writer has put it back meanwhile.
        return None
    was, now = _was(source, table)[0], found.get(table.ident, (0, ""))[0]
    parts = [f"{now} rows, {was} then" if was != now else f"other contents in its {now} rows"]
    if table.left_out and was == now and not isinstance(rows, Rows):
        parts = [f"{now} rows as then; their contents could not be compared"]
    parts += [
        f"{one.column} is left out: changed {f'by {one.by}' if one.by else 'outside of the migrations'}"
        for one in table.left_out
    ]
    parts.append(str(rows))
    if table.written_by:
        parts.append(f"{', '.join(table.written_by)} writes to it itself")
    lost = rows.deleted.count > 0 if isinstance(rows, Rows) else now < was
    is_ours = bool(table.written_by) and not lost
    failed = bool(by_others) or (source.is_quiet and not is_ours)
    hint = _restore(table, source)
    if not failed:
        hint = f"If there were no writes since: deploy/validate.py --data pg_writes=stopped; {hint}"
    verdict = Verdict.FAIL if failed else Verdict.WARN
    return Check(verdict, "data", table.ident, "; ".join(parts), _expected(table, source), hint)


def _expected(table: Compared, source: Source) -> str:
    quiet = ", as there were no writes since (pg_writes=stopped)" if source.is_quiet else ""
    return f"its {_was(source, table)[0]} rows as in {source}{quiet}"


def _restore(table: Compared, source: Source) -> str:
    return (
        "To have its rows of then in a schema beside: deploy/restore.py "
        f"--data pg_backup={source.label} --data pg_table={table.ident}"
    )


def totals_checks(totals: Sequence[Total], source: Source, answers: Mapping[str, Answers]) -> Iterator[Check]:
    """Yields whether each total is what it was when the backup was taken.

    + answers: of now, by name
    """
    for total in totals:
        before, after = source.contents.totals.get(total.name), answers.get(total.name)
        if before is None:
            found = f"{source} has no answers of it: it was taken without this file, or by an earlier version"
            yield Check(Verdict.WARN, "totals", total.name, found, "answers to compare with", _NEXT_BACKUP)
        elif after is None or after.problem or before.problem:
            why = "not asked" if after is None else after.problem
            found = f"then: {before.problem}" if before.problem else why
            yield Check(Verdict.FAIL, "totals", total.name, found, f"an answer: {total.purpose}", _correct(total))
        elif are_equal(before, after):
            yield Check(Verdict.PASS, "totals", f"{total.name}, {after.count} keys as in {source}")
        else:
            verdict = Verdict.FAIL if source.is_quiet else Verdict.WARN
            expected = f"the same as in {source}: {total.purpose}"
            hint = "See which rows changed: the checks named data say so."
            yield Check(verdict, "totals", total.name, described(before, after), expected, hint)


_NEXT_BACKUP = "Nothing now; the next backup has them: deploy/backup.py"


def _correct(total: Total) -> str:
    return (
        f"Try it by hand, and correct the file: totals/{total.name}.sql; where this database never had what it asks "
        'for, its header says so: "-- requires: ..."'
    )


def without_backup(totals: Collection[Total], *, has_point: bool) -> Iterator[Check]:
    """Yields the checks of a database of which no backup was taken before its migrations.

    + has_point: a restore point was created instead, of which the rows cannot be read
    """
    for name in ("data", *(["totals"] if totals else [])):
        yield Check(
            Verdict.WARN,
            name,
            "the database before",
            "a restore point instead of a backup: nothing to compare with"
            if has_point
            else "no backup was taken before: nothing to compare with",
            "a backup that a migration in the registry names",
            "To compare with another one: deploy/validate.py --data pg_backup=LABEL",
        )


def not_compared(totals: Collection[Total], place: str, why: str, hint: str) -> Iterator[Check]:
    """Yields the checks of a database that could not be compared.

    + place: what could not be looked at
    """
    for name in ("data", *(["totals"] if totals else [])):
        yield Check(Verdict.FAIL, name, place, why, "to compare the database with it", hint)
