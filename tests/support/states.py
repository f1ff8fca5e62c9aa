"""Named states of a database, each with the state that it begins with and what makes it of that one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION

from tests.support import hand_edits
from tests.support.acts import (
    Act,
    ByHand,
    by_hand,
    migrated,
    registry_of,
    rolled_back,
    statements,
    stopped_at,
    uses_variants,
)
from tests.support.application import OLD_RULE
from tests.support.migrations import MIGRATIONS

READER, OWNER = "captured_reader", "captured_owner"

# What takes one statement back, with all that stands on it: (version, statement) -> SQL.
UNDO = {
    (1, 1): "ALTER TABLE project_equipment_groups DROP COLUMN variant_name",
    (1, 2): "ALTER TABLE project_roles DROP COLUMN variant_name",
    (1, 3): "DROP INDEX idx_project_equipment_groups_project_variant",
    (1, 4): "DROP INDEX idx_project_equipment_groups_variant",
    (1, 5): "DROP INDEX idx_project_roles_variant",
    (2, 1): "DROP TABLE project_variants",
    (2, 2): "DROP INDEX idx_project_variants_project",
    (2, 3): "DROP INDEX idx_project_variants_default",
    (2, 4): "DROP FUNCTION project_variants_set_updated_at CASCADE",
    (2, 5): "DROP TRIGGER set_updated_at ON project_variants",
    (2, 6): "ALTER TABLE project_variants DISABLE ROW LEVEL SECURITY",
    (2, 7): "DROP POLICY visible_project_all ON project_variants",
    (2, 8): "GRANT SELECT ON projects TO PUBLIC",
    (3, 1): "DELETE FROM project_variants",
    (5, 1): "DROP INDEX idx_project_equipment_groups_variant_lookup",
    (5, 2): "DROP INDEX idx_project_roles_variant_lookup",
    (
        6,
        1,
    ): "CREATE UNIQUE INDEX idx_project_equipment_groups_project ON project_equipment_groups (project_id, name)",
}
# Statements of the same migration that one needs.
_NEEDED = {
    (1, 3): [1],
    (1, 4): [1],
    (1, 5): [2],
    **{(2, later): [1] for later in (2, 3, 6, 7)},
    (2, 5): [1, 4],
    (2, 8): [1, 4],
}


@dataclass(frozen=True)
class Named:
    """A state of a database.

    + on: the state that it begins with; empty: it is made by ``Maker``
    + role: that asks; schema: that is asked about
    + obstacles: what stands in the way of a rollback is asked too
    """

    name: str
    on: str = ""
    acts: tuple[Act, ...] = ()
    role: str = ""
    schema: str = "public"
    obstacles: bool = False


def _all_states() -> Iterator[Named]:
    yield from (Named("empty"), Named("legacy", "empty"), Named("second", "empty"))
    yield from _by_hand()
    yield from _registered()
    yield from _in_the_way()
    yield from _drifted()


def _by_hand() -> Iterator[Named]:
    """Databases that no run of ours has seen."""
    for version in range(1, 7):
        before = f"hand-{version - 1}" if version > 1 else "legacy"
        yield Named(f"hand-{version}", before, (statements(version),) if version != 4 else ())
    for migration in MIGRATIONS:
        for one in migration.statements:
            key = (migration.version, one.number)
            name = f"{migration.version}-{one.number}"
            before = {3: "hand-2", 5: "hand-1"}.get(migration.version, "legacy")
            yield Named(f"missing-{name}", "hand-6", (by_hand(UNDO[key]),))
            yield Named(f"alone-{name}", before, (statements(migration.version, *_NEEDED.get(key, []), one.number),))
    for name, text in {
        "column": "ALTER TABLE project_roles ADD COLUMN variant_name varchar(20)",
        "index": "CREATE INDEX idx_project_roles_variant ON project_roles (project_id)",
        "table": "CREATE TABLE project_variants (id integer)",
        "view": "CREATE VIEW project_variants AS SELECT 1 AS id",
        "function": "CREATE FUNCTION project_variants_set_updated_at() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
    }.items():
        yield Named(f"conflict-{name}", "legacy", (by_hand(text),))
    yield Named("rule-renamed", "legacy", (by_hand(f"ALTER INDEX {OLD_RULE} RENAME TO one_name_a_project"),))
    rule = "ALTER TABLE project_equipment_groups ADD CONSTRAINT one_name UNIQUE (name, project_id)"
    yield Named("rule-constraint", "legacy", (by_hand(f"DROP INDEX {OLD_RULE}; {rule}"),))
    yield Named("rule-absent", "legacy", (by_hand(f"DROP INDEX {OLD_RULE}"),))
    for name in ("renamed", "constraint", "absent"):
        yield Named(f"rule-{name}-applied", f"rule-{name}", (migrated(),), obstacles=True)
    yield Named("hand-6-rule-back", "hand-6", (by_hand(rule),))
    yield Named("hand-6-invalid", "hand-6", (by_hand(_invalid("idx_project_roles_variant")),))
    yield Named("legacy-no-table", "legacy", (by_hand("DROP TABLE project_roles CASCADE"),))
    yield Named("legacy-as-reader", "legacy", role=READER)
    yield Named("legacy-nowhere", "legacy", schema="nowhere")


def _invalid(index: str) -> str:
    return f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass"


def _registered() -> Iterator[Named]:
    """Databases with a registry."""
    for version in range(1, 7):
        before = f"applied-{version - 1}" if version > 1 else "legacy"
        yield Named(f"applied-{version}", before, (migrated(pg_target=version),), obstacles=version in (2, 6))
    yield Named("second-applied", "second", (migrated(),), obstacles=True)
    yield Named("adopted-3", "hand-3", (migrated(pg_target=3),))
    yield Named("adopted-6", "hand-6", (migrated(),), obstacles=True)
    yield Named("resumed-6", "alone-1-2", (migrated(),))
    yield Named("interrupted-1-3", "legacy", (stopped_at("idx_project_equipment_groups_project_variant"),))
    yield Named("interrupted-1-4", "legacy", (stopped_at("idx_project_equipment_groups_variant"),))
    yield Named("interrupted-1-5", "legacy", (stopped_at("idx_project_roles_variant"),))
    yield Named("interrupted-5-2", "applied-4", (stopped_at("idx_project_roles_variant_lookup"),))
    yield Named("interrupted-1-5-undone", "interrupted-1-5", (by_hand(UNDO[1, 3]),))
    yield Named("interrupted-1-5-done", "interrupted-1-5", (statements(1, 5),))
    changed = "UPDATE pgmigrate.events SET checksum = 'another' WHERE version = 1"
    yield Named("interrupted-1-5-changed", "interrupted-1-5", (by_hand(changed),))
    yield from _registry_edits()
    for (version, number), text in UNDO.items():
        yield Named(f"drifted-{version}-{number}", "applied-6", (by_hand(text),))
    late = "DELETE FROM project_variants WHERE project_id = (SELECT min(project_id::text) FROM project_variants)::uuid"
    yield Named("verify-3", "applied-6", (by_hand(late),))
    empty = "UPDATE project_roles SET variant_name = '' WHERE id = (SELECT min(id::text) FROM project_roles)::uuid"
    yield Named("verify-4", "applied-6", (by_hand(empty),))
    yield Named("verify-3-adopted", "hand-6", (by_hand(late),))
    yield Named("verify-4-pending", "hand-3", (by_hand(empty),))
    yield Named("drifted-invalid", "applied-6", (by_hand(_invalid("idx_project_roles_variant")),))
    type_ = "ALTER TABLE project_variants ALTER COLUMN sort_order TYPE bigint"
    yield Named("drifted-type", "applied-6", (by_hand(type_),))
    yield Named("drifted-old-column", "applied-6", (by_hand("ALTER TABLE projects DROP COLUMN name CASCADE"),))


def _registry_edits() -> Iterator[Named]:
    """Registries that somebody had a hand in, or an earlier version of the library."""
    copied = (
        "INSERT INTO pgmigrate.runs SELECT (jsonb_populate_record(r, jsonb_build_object('run_id', gen_random_uuid(),"
        " 'finished_at', null, 'seen_at', now() + interval '1 h'))).* FROM pgmigrate.runs AS r LIMIT 1"
    )
    gone = (
        "INSERT INTO pgmigrate.migrations SELECT (jsonb_populate_record(m,"
        " jsonb_build_object('version', 7, 'name', '007_gone'))).* FROM pgmigrate.migrations AS m WHERE version = 6"
    )
    for name, text in {
        "lost": "DROP SCHEMA pgmigrate CASCADE",
        "table-lost": "DROP TABLE pgmigrate.events CASCADE",
        "column-lost": "ALTER TABLE pgmigrate.migrations DROP COLUMN added",
        "newer": "INSERT INTO pgmigrate.registry SELECT (jsonb_populate_record(r, '{\"version\": 99}')).*"
        f" FROM pgmigrate.registry AS r WHERE version = {REGISTRY_VERSION}",
        "without-3": "DELETE FROM pgmigrate.migrations WHERE version = 3",
        "without-5": "DELETE FROM pgmigrate.migrations WHERE version = 5",
        "without-6": "DELETE FROM pgmigrate.migrations WHERE version = 6",
        "changed-5": "UPDATE pgmigrate.migrations SET checksum = 'another' WHERE version = 5",
        "gone-7": gone,
        "run-at-work": copied,
        "no-catalogs": "DELETE FROM pgmigrate.catalogs",
    }.items():
        yield Named(f"registry-{name}", "applied-6", (by_hand(text),))
    yield Named("older-5", "registry-without-5", (by_hand(f"{UNDO[5, 1]}; {UNDO[5, 2]}"),))
    for version in range(1, REGISTRY_VERSION):
        yield Named(f"registry-{version}", "applied-6", (registry_of(version),))
    yield Named("applied-6-as-reader", "applied-6", role=READER)


def _in_the_way() -> Iterator[Named]:
    """What a rollback meets, and what it leaves."""
    yield Named("used", "applied-6", (uses_variants,), obstacles=True)
    for name, text in {
        "view": "CREATE VIEW theirs AS SELECT project_id, count(*) FROM project_variants GROUP BY project_id",
        "foreign-key": "CREATE TABLE theirs (variant uuid REFERENCES project_variants (id))",
        "index": "CREATE INDEX theirs ON project_roles (variant_name, role_id)",
        "trigger": "CREATE TRIGGER theirs BEFORE INSERT ON project_variants FOR EACH ROW"
        " EXECUTE FUNCTION project_variants_set_updated_at()",
        "policy": "CREATE POLICY theirs ON project_roles USING (variant_name = 'default')",
        "column": "ALTER TABLE project_variants ADD COLUMN theirs text",
    }.items():
        yield Named(f"extended-{name}", "applied-6", (by_hand(text),), obstacles=True)
    yield Named("rolled-back", "applied-6", (rolled_back(),))
    yield Named("rolled-back-renamed", "used", (rolled_back(pg_on_conflict="rename"),))
    yield Named("rolled-back-quarantined", "used", (rolled_back(pg_on_conflict="quarantine"),))
    yield Named("rolled-back-forward", "rolled-back-quarantined", (migrated(),))


def _some_edits() -> dict[str, hand_edits.Edit]:
    """Returns one edit of each kind of change and of object; tests/integration/test_drift.py has them all."""
    found: dict[tuple[str, ...], hand_edits.Edit] = {}
    for edit in hand_edits.EDITS:
        words = edit.key.split(" ")
        found.setdefault((edit.kind, *words[: 2 if words[0] in {"grant", "owner"} else 1]), edit)
    return {f"edit-{'-'.join(key)}": edit for key, edit in found.items()}


EDITS = _some_edits()


def in_ours(text: str) -> str:
    """Returns a text of ``hand_edits`` with the roles of the captured states."""
    return text.replace(hand_edits.READER, READER).replace(hand_edits.OWNER, OWNER)


def _drifted() -> Iterator[Named]:
    """All that ``hand_edits`` knows, on a database with one object at least of each kind."""
    yield Named("odd-legacy", "legacy", (by_hand(in_ours(hand_edits.STRUCTURE)),))
    yield Named("odd", "odd-legacy", (migrated(),), obstacles=True)
    for name, edit in EDITS.items():
        yield Named(name, "odd", (ByHand(in_ours(edit.sql), edit.fails),))
    comment = "COMMENT ON TABLE customers IS 'x'; COMMENT ON COLUMN notes.body IS NULL"
    partition = "CREATE TABLE readings_2027 PARTITION OF readings FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"
    options = "ALTER TABLE notes SET (fillfactor = 80); ALTER TABLE notes ALTER COLUMN word SET STATISTICS 500"
    for name, text in {"comment": comment, "partition": partition, "options": options, "analyze": "ANALYZE"}.items():
        yield Named(f"harmless-{name}", "odd", (by_hand(text),))


STATES = {one.name: one for one in _all_states()}
