"""Drift: everything that is done by hand is found and told what it is, everyday work is not, and repairs lead back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import psycopg
import pytest
from pyinfra_pgmigrate.drift.detect import find_drift
from pyinfra_pgmigrate.drift.entries import Change, Drift, Drifts
from pyinfra_pgmigrate.drift.look import drift_of
from pyinfra_pgmigrate.planning.database import DatabaseSession
from pyinfra_pgmigrate.registry.model import Observed
from pyinfra_pgmigrate.sqltext.grammar import SqlSyntaxError
from pyinfra_pgmigrate.sqltext.parser import split

from tests.conftest import on_versions
from tests.support.hand_edits import EDITS, HARMLESS, OWNER, READER, STRUCTURE, Edit
from tests.support.harness import engine_of, migrate, status, validate
from tests.support.servers import Database, Server


@pytest.fixture
def roles(server: Server) -> Iterator[None]:
    """The roles of the edits, for as long as the test lasts."""
    for name in (READER, OWNER):
        server.administer("CREATE ROLE {}", name)
    try:
        yield
    finally:
        for name in (READER, OWNER):
            server.administer("DROP ROLE {}", name)


@pytest.fixture
def migrated(server: Server, roles: None) -> Iterator[Database]:
    """A database with all migrations applied, and what the edits need beside them."""
    with server.database("legacy") as database:
        database.run(STRUCTURE)
        result = migrate(database.settings())
        assert result.ok, result.text
        database.run("ANALYZE")
        yield database


@dataclass
class Bench:
    """The migrated database, a copy of it to work on, and how to look at that through the library."""

    pristine: Database
    engine: DatabaseSession
    first: Observed
    work: Database | None = None
    copies: int = 0
    looks: int = 0
    unseen: int = 0
    problems: list[str] = field(default_factory=list)

    def copy(self) -> Database:
        """Returns a copy that is as the migrated one; the one before where nothing is to be seen of what was done."""
        if self.work is None:
            self.pristine.close()
            self.copies += 1
            name = f"{self.pristine.name}_{self.copies}"
            self.pristine.server.administer("CREATE DATABASE {} TEMPLATE {}", name, self.pristine.name)
            self.work = Database(self.pristine.server, name)
        return self.work

    def drop(self) -> None:
        """Drops the copy."""
        if self.work is not None:
            self.work.close()
            self.pristine.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.work.name)
            self.work = None

    def drifts(self) -> Drifts:
        """Returns the drift of the copy, read as the deploys read it."""
        self.looks += 1
        engine = DatabaseSession.of(self.engine.host, {"pg_database": self.copy().name})
        found = drift_of(engine, looked(engine))
        assert found is not None
        return found

    def left(self) -> list[str]:
        """Returns what is still otherwise, by the catalog alone: a look costs ten times as much."""
        assert self.first.registry is not None
        now = self.copy().catalog()
        registry = replace(self.first.registry, drift=self.first.catalog.difference(now))
        found = find_drift(replace(self.first, catalog=now, registry=registry), self.engine.migrations)
        assert found is not None
        return [f"{one.kind.value} {one.key}: {one.found}, not {one.expected}" for one in found.entries]


def looked(engine: DatabaseSession) -> Observed:
    """Returns what an engine sees."""
    seen = engine.look()
    assert isinstance(seen, Observed), seen
    return seen


def run_each(database: Database, text: str) -> None:
    """Runs statements, each in a transaction of its own."""
    for statement in split(text):
        database.run(statement.text)


def try_edit(bench: Bench, edit: Edit) -> bool:
    """Returns whether an edit was found as what it is; its repair is tried."""
    database = bench.copy()
    fingerprint = database.fingerprint()
    try:
        run_each(database, edit.sql)
    except psycopg.Error as error:
        if not (edit.fails and isinstance(error, psycopg.errors.UniqueViolation)):
            bench.problems.append(f"{edit.sql}: could not be made: {error}")
            bench.drop()
            return False
    # Or else a look would take the lines that were kept for those that are there.
    if database.fingerprint() == fingerprint:
        bench.problems.append(f"{edit.sql}: the fingerprint is as before")
    found = bench.drifts()
    told = {one.key: one for one in found.entries}
    one = told.get(edit.key)
    if one is None or one.kind.value != edit.kind:
        bench.problems.append(f"{edit.sql}: told as {[(each.kind.value, each.key) for each in found.entries]}")
        bench.drop()
        return False
    beside = told.keys() - {edit.key, *edit.also}
    if beside:
        bench.problems.append(f"{edit.sql}: told besides {sorted(beside)}")
    after = repaired(bench, found.entries) if edit.repairs else None
    if after != []:
        bench.drop()
    if after:
        bench.problems.append(f"{edit.sql}: not repaired by {one.repair}: {after}")
    return True


def repaired(bench: Bench, entries: tuple[Drift, ...]) -> list[str]:
    """Returns what is still otherwise once the repair of each difference was run."""
    try:
        for one in entries:
            run_each(bench.copy(), one.repair)
    except (SqlSyntaxError, psycopg.Error) as error:
        return [str(error)]
    return bench.left()


def try_harmless(bench: Bench, text: str) -> bool:
    """Returns whether nothing is told of everyday work."""
    fingerprint = bench.copy().fingerprint()
    run_each(bench.copy(), text.format(database=bench.copy().name))
    bench.unseen += bench.copy().fingerprint() == fingerprint
    found = bench.left()
    if found:
        bench.problems.append(f"{text}: told as {found}")
        bench.drop()
    return not found


@on_versions(18)
def test_every_edit_by_hand_is_found_and_no_everyday_work(
    migrated: Database, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    with engine_of(migrated.settings()) as engine:
        bench = Bench(migrated, engine, looked(engine))
        try:
            quiet = [try_harmless(bench, one) for one in HARMLESS]
            assert bench.drifts().entries == ()
            bench.drop()
            found = [try_edit(bench, one) for one in EDITS]
        finally:
            bench.drop()
    record_property(
        "figures",
        f"{len(EDITS)} edits by hand, {found.count(False)} missed, {sum(one.repairs for one in EDITS)} repaired by what "
        f"was told; {len(HARMLESS)} harmless, {quiet.count(False)} false alarms, {bench.unseen} without another fingerprint; "
        f"{bench.looks} looks, "
        f"{bench.copies} copies, {time.monotonic() - began:.0f} s",
    )

    assert not bench.problems, "\n".join(bench.problems)
    assert len(EDITS) >= 60
    assert len(HARMLESS) >= 20


def entry(database: Database, key: str) -> Drift:
    """Returns one difference as the library tells it."""
    with engine_of(database.settings()) as engine:
        found = drift_of(engine, looked(engine))
    assert found is not None
    (one,) = [each for each in found.entries if each.key == key]
    return one


def lines_from(lines: list[str], start: str, count: int) -> list[str]:
    """Returns so many lines from the first one that begins with a text."""
    place = next(place for place, line in enumerate(lines) if line.startswith(start))
    return lines[place : place + count]


class TestTelling:
    def test_what_a_migration_made_is_told_with_its_name_and_the_sql_that_makes_it_again(
        self, applied: Database
    ) -> None:
        applied.run("DROP INDEX idx_project_variants_project")

        one = entry(applied, "index idx_project_variants_project")

        assert (one.kind, one.found, one.migration) == (Change.MISSING, "missing", "002_create_variant_config")
        assert one.expected.startswith("index idx_project_variants_project CREATE INDEX")
        assert one.repair == (
            "CREATE INDEX CONCURRENTLY idx_project_variants_project ON project_variants USING btree (project_id);"
        )

    def test_what_was_there_before_belongs_to_no_migration(self, applied: Database) -> None:
        applied.run("ALTER TABLE customers ALTER COLUMN name DROP NOT NULL")

        one = entry(applied, "column customers.name")

        assert (one.kind, one.migration) == (Change.CHANGED, "")
        assert (one.found, one.expected) == ("column customers.name text", "column customers.name text not null")
        assert one.repair == "ALTER TABLE customers ALTER COLUMN name SET NOT NULL;"

    def test_a_new_name_is_one_difference(self, applied: Database) -> None:
        applied.run("ALTER TABLE customers RENAME TO clients")

        one = entry(applied, "table customers")

        assert (one.kind, one.found) == (Change.CHANGED, "renamed to clients, as it looks")
        assert one.repair == "ALTER TABLE clients RENAME TO customers;"

    def test_a_table_that_is_gone_is_one_difference_and_its_rows_are_in_the_backup(self, applied: Database) -> None:
        applied.run("DROP TABLE project_event_equipment")

        one = entry(applied, "table project_event_equipment")

        assert one.expected == (
            "table project_event_equipment, with 7 columns, 6 constraints, 1 indexes, 1 trigger"
        ).replace("1 indexes", "1 index")
        assert "deploy/restore.py --data pg_backup=latest --data pg_table=project_event_equipment" in one.repair

    def test_status_tells_the_first_differences_and_how_to_mend_them(self, applied: Database) -> None:
        applied.run("DROP INDEX idx_project_variants_project; CREATE TABLE by_hand (id integer)")
        applied.run("ALTER TABLE equipment ALTER COLUMN stock SET DEFAULT 1")

        told = lines_from(status(applied.settings()).lines, "drift", 9)

        assert told == [
            "drift since the last run: 1 missing, 1 changed, 1 extra",
            "missing  index idx_project_variants_project, of 002_create_variant_config",
            "fix: CREATE INDEX CONCURRENTLY idx_project_variants_project ON project_variant...",
            "changed  column equipment.stock",
            "found integer not null default 1",
            "expected integer not null default 0",
            "fix: ALTER TABLE equipment ALTER COLUMN stock SET DEFAULT 0;",
            "extra    table by_hand",
            "fix: DROP TABLE by_hand;",
        ]


class TestVerdict:
    def test_what_is_extra_is_a_warning_unless_strict(self, applied: Database) -> None:
        applied.run("CREATE TABLE by_hand (id integer)")

        plain = validate(applied.settings())
        strict = validate(applied.settings(pg_strict=True))

        assert plain.ok
        assert "WARN  drift: table by_hand" in plain.lines
        assert not strict.ok
        assert lines_from(strict.lines, "FAIL  drift", 4) == [
            "FAIL  drift: table by_hand",
            "found table by_hand, with 1 column",
            "expected nothing of that name",
            "next: DROP TABLE by_hand;",
        ]

    @pytest.mark.parametrize(
        ("edit", "strict", "passes"),
        [
            ("CREATE TABLE by_hand (id integer)", False, True),
            ("CREATE TABLE by_hand (id integer)", True, False),
            ("DROP INDEX idx_projects_owner", False, False),
            ("COMMENT ON TABLE projects IS 'x'", True, True),
        ],
    )
    def test_pg_check_fails_on_what_is_missing_and_on_what_is_extra_only_when_strict(
        self, applied: Database, edit: str, *, strict: bool, passes: bool
    ) -> None:
        applied.run(edit)
        check = applied.settings(pg_check=True, pg_strict=strict)

        assert migrate(check, execute=False).ok is passes
        assert status(check).ok is passes

    def test_a_line_that_is_ignored_fails_nothing_and_is_counted(self, applied: Database) -> None:
        applied.run("DROP INDEX idx_projects_owner; CREATE INDEX tmp_one ON projects (name)")
        ignoring = applied.settings(pg_drift_ignore=["index idx_projects_owner *", "index tmp_*"], pg_strict=True)

        shown, checked = status(ignoring), validate(ignoring)

        assert lines_from(shown.lines, "no drift", 2) == ["no drift", "2 lines ignored by pg_drift_ignore"]
        assert "2 lines ignored by pg_drift_ignore" in checked.text
        assert "idx_projects_owner" not in checked.text
        assert checked.ok, checked.text

    def test_what_was_there_before_is_told_once(self, applied: Database) -> None:
        applied.run("ALTER TABLE projects DISABLE ROW LEVEL SECURITY")

        result = validate(applied.settings())

        assert "1 FAIL" in result.text
        assert lines_from(result.lines, "FAIL", 4) == [
            "FAIL  preserved: row_security projects",
            "found missing",
            "expected row_security projects enabled",
            "next: ALTER TABLE projects ENABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;",
        ]
        assert "PASS  drift: nothing has changed since the last run, but for 1 reported above" in result.lines

    def test_drift_that_nobody_can_know_of_fails(self, applied: Database) -> None:
        applied.run("DELETE FROM pgmigrate.catalogs WHERE kind = 'last'")

        assert "FAIL  drift: the catalog of the last run" in validate(applied.settings()).lines
        assert "nothing is known about drift" in status(applied.settings()).text


class TestNoDrift:
    def test_what_an_extension_brings_is_one_line(self, applied: Database) -> None:
        name = applied.value(
            "SELECT min(name) FROM pg_available_extensions WHERE name IN ('hstore', 'pg_trgm', 'vector')"
        )
        # As an extension makes them: a schema, and a table with an index.
        applied.run(
            f"CREATE EXTENSION {name}; CREATE SCHEMA of_it; CREATE TABLE of_it.t (a integer);"
            f" CREATE INDEX by_a ON of_it.t (a); ALTER EXTENSION {name} ADD SCHEMA of_it;"
            f" ALTER EXTENSION {name} ADD TABLE of_it.t"
        )

        with engine_of(applied.settings()) as engine:
            found = drift_of(engine, looked(engine))

        assert found is not None
        assert [(one.kind, one.key) for one in found.entries] == [(Change.EXTRA, f"extension {name}")]

    def test_a_catalog_that_an_older_version_kept_shows_no_drift(self, legacy: Database) -> None:
        legacy.run("CREATE TABLE counted (id integer GENERATED ALWAYS AS IDENTITY (START 5))")
        legacy.run("ALTER TABLE equipment REPLICA IDENTITY USING INDEX equipment_pkey")
        migrate(legacy.settings())
        legacy.run(
            "UPDATE pgmigrate.catalogs SET lines_version = 1, lines = ARRAY(SELECT replace(l, 'not null', 'required')"
            " FROM unnest(lines) AS l); UPDATE pgmigrate.migrations SET lines_version = 1"
        )

        assert "nothing is known about drift" in status(legacy.settings()).text

        legacy.run("DELETE FROM pgmigrate.migrations WHERE version = 6")
        migrate(legacy.settings())

        assert "no drift" in status(legacy.settings(pg_strict=True)).lines

    def test_an_index_that_was_repaired_meanwhile_is_a_note(self, legacy: Database) -> None:
        legacy.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_projects_owner'::regclass")
        migrate(legacy.settings())
        legacy.run("REINDEX INDEX idx_projects_owner")

        told = lines_from(status(legacy.settings()).lines, "no drift", 2)

        assert told == ["no drift", "ignored (not drift): index idx_projects_owner is valid now"]
