"""what others changed on a database since the last run: by object, with its origin and its repair. Pure.

Drift is the difference between the catalog that the registry kept at the end of the last run and the one that is
there now. Comments, settings and new partitions are no drift; lines that fit ``pg_drift_ignore`` are counted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..catalog import ddl, ddl_changes, grants
from ..catalog.lines import Catalog, Patch, definition_of, is_own, key_of
from ..catalog.parts import PARTS, hangs_on, is_property, kind_of, renaming, subject_of
from ..catalog.privileges import Rights, changed_rights
from ..migrations.files import Migration
from ..registry.model import Observed
from .entries import Change, Drift, Drifts
from .harmless import Remaining

# In this order things are made again; what is extra goes in the opposite order.
_ORDER = (
    "schema", "extension", "type", "sequence", "table", "column", "function", "procedure", "aggregate", "operator",
    "view", "materialized_view", "constraint", "index",
)  # fmt: skip
_WHOLE = frozenset({
    "access_method", "aggregate", "cast", "collation", "column", "constraint", "conversion", "event_trigger",
    "extension", "foreign_data_wrapper", "foreign_server", "function", "index", "language", "materialized_view",
    "operator", "operator_class", "operator_family", "policy", "procedure", "publication", "rule", "schema", "sequence",
    "statistics", "table", "text_search_configuration", "text_search_dictionary", "text_search_parser",
    "text_search_template", "transform", "trigger", "type", "view",
})  # fmt: skip
_NAMED = ("table", "view", "materialized_view", "sequence", "type", "function", "procedure", "column", "constraint",
          "index", "trigger", "policy", "statistics")  # fmt: skip
# More of one kind than this are not tried as new names of each other.
_MOST_RENAMED = 100


def find_drift(observed: Observed, migrations: Sequence[Migration], *, ignore: Sequence[str] = ()) -> Drifts | None:
    """Returns the drift of a database; None where no registry holds the catalog of the last run.

    + ignore: patterns of catalog lines, in which ``*`` stands for any text
    """
    drift = None if observed.registry is None else observed.registry.drift
    if drift is None:
        return None
    drift = _of_others(drift, observed, migrations)
    if not drift:
        return Drifts()
    now, version_num = observed.catalog.lines, observed.server.version_num
    return _Search(now, drift, _origins(observed, migrations), ignore, version_num=version_num).result()


def changes_between(
    kept: Catalog, now: Catalog, *, version_num: int, is_renamed: Callable[[str, str], bool] = lambda old, new: True
) -> Drifts:
    """Returns what leads from a catalog as it is back to what it was, each difference with its repair.

    + is_renamed: tells, of two keys, whether the second may be of what had the first; else what only looks like it is
      something else
    """
    return _Search(now.lines, kept.difference(now), {}, (), version_num=version_num).result(is_renamed)


def _of_others(drift: Patch, observed: Observed, migrations: Sequence[Migration]) -> Patch:
    """Returns drift without what a run of ours did that was cut off outside a transaction, before its row."""
    minus, plus = drift.minus, drift.plus
    for migration in migrations:
        begun = observed.interrupted.get(migration.version)
        if begun is None or begun.checksum != migration.checksum or migration.effect is None:
            continue
        for statement in migration.statements:
            if statement.number in begun.begun:
                patch = migration.effect_of(statement).patch
                minus, plus = minus - patch.minus, plus - patch.plus
    return Patch(minus, plus)


def _origins(observed: Observed, migrations: Sequence[Migration]) -> dict[str, str]:
    """Returns the name of the migration that made a line, by line."""
    found: dict[str, str] = {}
    for migration in migrations:
        row = observed.applied.get(migration.version)
        if row is None:
            continue
        made = set(row.added or ())
        if migration.effect is not None:
            made |= migration.effect.patch.plus
        found.update(dict.fromkeys(made, migration.name))
    return found


class _Search(Remaining):
    """The lines of one database that are not yet explained, and what was found so far."""

    def result(self, is_renamed: Callable[[str, str], bool] = lambda old, new: True) -> Drifts:
        """Returns what there is, explained step by step, the plainest first."""
        self._leave_out_comments()
        self._leave_out_settings()
        self._leave_out_partitions()
        self._leave_out_inherited()
        self._find_followers()
        for kind in _NAMED:
            self._find_renamed(kind, is_renamed)
        self._find_moved_partitions()
        self._find_overridden()
        self._find_whole(Change.MISSING)
        self._find_whole(Change.EXTRA)
        self._find_rights()
        self._find_properties()
        self._find_rest()
        return Drifts(
            tuple(sorted(self.entries, key=_place_of)),
            frozenset(self.ignored),
            tuple(self.notes),
            frozenset(self.harmless),
        )

    def _find_renamed(self, kind: str, is_renamed: Callable[[str, str], bool]) -> None:
        """Finds what has another name now and is the same otherwise, in all lines that name it."""
        lost = _tops(self.minus, self.plus, kind)
        new = _tops(self.plus, self.minus, kind)
        if not lost or not new or max(len(lost), len(new)) > _MOST_RENAMED:
            return
        for old_key, old_line in sorted(lost.items()):
            for new_key in sorted(key for key in new if is_renamed(old_key, key)):
                swap = renaming(kind, old_key, new_key)
                if swap is None or swap(old_line) not in self.plus or new_key not in new:
                    continue
                hanging = [line for line in self.minus if old_key in hangs_on(line)]
                if any(swap(line) not in self.plus for line in hanging if line.startswith("column ")):
                    continue
                pairs = {line: swap(line) for line in self.minus if swap(line) in self.plus}
                if kind in PARTS:
                    # Not a part of the same name of another table: that is renamed by itself.
                    pairs = {one: new for one, new in pairs.items() if key_of(one) in (old_key, key_of(new))}
                del new[new_key]
                self._add_renamed(kind, old_key, new_key, pairs)
                break

    def _add_renamed(self, kind: str, old: str, new: str, pairs: Mapping[str, str]) -> None:
        made = ddl.rename(kind, new.split(" ", 1)[1], old.split(" ", 1)[1], self.domains)
        patch = Patch(frozenset(pairs), frozenset(pairs.values()))
        self._add(Change.CHANGED, old, f"renamed to {new.split(' ', 1)[1]}, as it looks", old, patch, made)

    def _find_moved_partitions(self) -> None:
        """Finds tables that left or found a parent: what they had from it becomes their own, or the other way round."""
        old = {key_of(line): line for line in self.minus if line.startswith("table ")}
        new = {key_of(line): line for line in self.plus if line.startswith("table ")}
        for key in sorted(old.keys() & new.keys()):
            was, now = (re.search(r" (?:partition of .*|inherits \(.*?\))", line) for line in (old[key], new[key]))
            if (was and was[0]) == (now and now[0]):
                continue
            side = self.minus if now and not was else self.plus
            parts = ("column ", "constraint ", "index ")
            hanging = {line for line in side if line.startswith(parts) and key in hangs_on(line)}
            patch = Patch(frozenset({old[key]} | (hanging & self.minus)), frozenset({new[key]} | (hanging & self.plus)))
            made = ddl_changes.change([old[key]], [new[key]])
            self._add(Change.CHANGED, key, new[key], old[key], patch, made)

    def _find_overridden(self) -> None:
        for line, old, new in self._overridden():
            patch = Patch(frozenset({line} & self.minus), frozenset({line} & self.plus))
            self._add(Change.CHANGED, key_of(line), new, old, patch, ddl_changes.change([old], [new], self.domains))

    def _find_whole(self, change: Change) -> None:
        """Finds objects that are gone, or new, with all that depends on them."""
        lines, others = (self.minus, self.plus) if change is Change.MISSING else (self.plus, self.minus)
        taken = {subject_of(line) for line in others}
        whole = {key_of(line) for line in lines if kind_of(line) in _WHOLE and key_of(line) not in taken}
        hanging: defaultdict[str, set[str]] = defaultdict(set)
        for line in lines:
            above = [one for one in (key_of(line), *hangs_on(line)) if one in whole]
            if above:
                hanging[above[-1]].add(line)
        for key in sorted(hanging):
            self._add_whole(change, key, frozenset(hanging[key]))

    def _add_whole(self, change: Change, key: str, lines: frozenset[str]) -> None:
        main = next((line for line in lines if key_of(line) == key and not is_own(line)), key)
        more = _more(key, lines)
        if change is Change.MISSING:
            made = None if kind_of(main) == "table" else _made_again(key, lines, self.domains)
            self._add(change, key, "missing", f"{main}{more}", Patch(minus=lines), made)
        else:
            self._add(
                change,
                key,
                f"{main}{more}",
                "nothing of that name",
                Patch(plus=lines),
                ddl.drop(main, self.domains),
            )

    def _find_rights(self) -> None:
        was, now = (
            {key_of(line): definition_of(line) for line in lines if line.startswith("owner ")}
            for lines in (self.kept, self.now)
        )
        touched = {line for line in self.minus | self.plus if line.startswith("grant ")}
        for one in changed_rights(
            touched, self.kept - self.ignored, self.now - self.ignored, was, now, self.version_num
        ):
            self._add_rights(one)
        left = touched & (self.minus | self.plus)
        self.harmless |= left
        self._take(left)

    def _add_rights(self, one: Rights) -> None:
        key = f"grant {one.key} {one.grantee}"
        lost = "; ".join(f"{key} {name}" for name in sorted(one.lost))
        gained = "; ".join(f"{key} {name}" for name in sorted(one.gained))
        made = []
        if one.gained:
            made += grants.revoke(one.key, one.grantee, one.gained)
        if one.lost:
            made += grants.grant(one.key, one.grantee, one.lost)
        kind = Change.EXTRA if not lost else Change.CHANGED if gained else Change.MISSING
        patch = Patch(
            frozenset(line for line in self.minus if line.startswith(f"{key} ")),
            frozenset(line for line in self.plus if line.startswith(f"{key} ")),
        )
        self._add(kind, key, gained or "missing", lost or "no such right", patch, made)

    def _find_rest(self) -> None:
        """Explains what is left: lines of one object that differ, or that came or went alone."""
        groups: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for place, lines in enumerate((self.minus, self.plus)):
            for line in lines:
                groups[subject_of(line)][place].add(line)
        for key, (gone, come) in sorted(groups.items()):
            patch = Patch(frozenset(gone), frozenset(come))
            if key.startswith("constraint ") and not (gone and come):
                self._add_switched(key, patch)
            elif gone and come:
                setting = f"{key.replace('view', 'view_setting', 1)} "
                wanted = gone | {line for line in self.kept if line.startswith(setting)}
                made = ddl_changes.change(sorted(wanted), sorted(come), self.domains)
                self._add(Change.CHANGED, key, _told(come), _told(gone), patch, made)
            elif gone:
                made = ddl.make(sorted(gone), self.domains)
                self._add(Change.MISSING, key, "missing", _told(gone), patch, made)
            else:
                made = ddl.drop(min(come), self.domains)
                self._add(Change.EXTRA, key, _told(come), "nothing of that name", patch, made)

    def _find_properties(self) -> None:
        """Finds what changed of objects besides their own lines, such as the numbers of an identity."""
        groups: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for place, lines in enumerate((self.minus, self.plus)):
            for line in lines:
                if is_property(line) and not line.startswith("definition constraint "):
                    groups[line if line.startswith("definition ") else key_of(line)][place].add(line)
        for gone, come in (groups[key] for key in sorted(groups)):
            subject = subject_of(next(iter(gone | come)))
            own = next(
                (line for line in sorted(self.kept) if line.startswith(f"{subject} ") or line == subject), subject
            )
            old, new = (next(iter(lines), "") for lines in (gone, come))
            patch = Patch(frozenset(gone), frozenset(come))
            self._add(Change.CHANGED, subject, new or own, old or own, patch, ddl_changes.change_property(old, new))

    def _add_switched(self, key: str, patch: Patch) -> None:
        """Adds a constraint whose triggers, or whose index, are not as they were."""
        expected = next((line for line in self.kept if line.startswith(f"{key} ")), key)
        line = min(patch.minus | patch.plus)
        if line in patch.plus:
            self._add(Change.CHANGED, key, line, expected, patch, ddl_changes.change([expected], [line], self.domains))
        elif line.startswith("definition "):
            self._note(patch.minus, f"the index of {key} is valid again")
        else:
            self._add(Change.CHANGED, key, expected, line, patch, None)

    def _add(
        self, kind: Change, key: str, found: str, expected: str, patch: Patch, statements: Iterable[str] | None
    ) -> None:
        migration = (
            ""
            if kind is Change.EXTRA
            else next((self.origins[one] for one in sorted(patch.minus) if one in self.origins), "")
        )
        if not migration and kind is Change.CHANGED:
            migration = self.origins.get(expected, "")
        patch = Patch(self._with_followers(patch.minus), self._with_followers(patch.plus))
        made = tuple(statements or ())
        repair = ddl.joined(made) if made else _next_command(kind, key, migration)
        self.entries.append(Drift(kind, key, found, expected, migration, repair, patch, made))
        self._take(patch.minus | patch.plus)


def _told(lines: Collection[str]) -> str:
    plain = sorted(line for line in lines if not is_property(line)) or sorted(lines)
    return "; ".join(plain)


def _more(key: str, lines: Collection[str]) -> str:
    """Returns how many lines of which kinds hang on an object."""
    counts: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        if key_of(line) != key and not is_own(line):
            counts[kind_of(line)] += 1
    told = [
        f"{count} {kind}{'' if count == 1 else 'es' if kind == 'index' else 's'}"
        for kind, count in sorted(counts.items())
    ]
    return f", with {', '.join(told)}" if told else ""


def _order_of(key: str) -> int:
    kind = kind_of(key)
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _place_of(entry: Drift) -> tuple[int, int, str]:
    place = _order_of(entry.key)
    return list(Change).index(entry.kind), -place if entry.kind is Change.EXTRA else place, entry.key


def _next_command(kind: Change, key: str, migration: str) -> str:
    """Returns what to do where the lines do not tell the SQL."""
    name = key.split(" ", 1)[1]
    if kind is Change.MISSING and migration:
        return f"deploy/migrate.py --data pg_repair=true puts back what {migration} made"
    if kind is Change.MISSING and key.startswith("table "):
        return (
            f"make it again as in sql/baseline.sql; its rows: deploy/restore.py --data pg_backup=latest "
            f"--data pg_table={name}"
        )
    if key.startswith("type "):
        return (
            "PostgreSQL cannot take that back: keep it and write it into a migration, or "
            "deploy/restore.py --data pg_backup=latest"
        )
    origin = f"sql/{migration}.sql" if migration else "sql/baseline.sql"
    return f"bring the definition back from {origin}, or look at the backup: deploy/restore.py --data pg_backup=latest"


def _tops(lines: Iterable[str], others: Iterable[str], kind: str) -> dict[str, str]:
    taken = {key_of(line) for line in others if line.startswith(f"{kind} ")}
    return {key_of(line): line for line in lines if line.startswith(f"{kind} ") and key_of(line) not in taken}


def _made_again(key: str, lines: Collection[str], domains: Collection[str]) -> list[str] | None:
    """Returns what makes an object and all that hung on it again; None where the lines do not tell all of it."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for line in sorted(lines):
        groups[key_of(line)].append(line)
    found: list[str] = []
    for one in sorted(groups, key=lambda other: (other != key, _order_of(other), other)):
        made = ddl.make(groups[one], domains)
        if made is None:
            return None
        found += made
    return found
