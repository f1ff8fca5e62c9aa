"""Drift and its repairs on what servers answered in named states (tests/captured): no server."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog, Patch, is_own
from pyinfra_pgmigrate.drift.detect import changes_between, find_drift
from pyinfra_pgmigrate.drift.entries import Change, Drift, Drifts
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support.captured import VERSIONS, observed
from tests.support.migrations import MIGRATIONS, NAMES
from tests.support.states import EDITS, UNDO, in_ours

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")

UNKNOWN = ("empty", "legacy", "second", "hand-6", "odd-legacy", "registry-lost", "registry-no-catalogs", "registry-5")
CLEAN = (
    *(f"applied-{count}" for count in range(1, 7)),
    *("second-applied", "odd", "used", "adopted-3", "adopted-6", "resumed-6", "rolled-back", "rolled-back-forward"),
    *(
        "rolled-back-renamed",
        "rolled-back-quarantined",
        "verify-3",
        "verify-4",
        "registry-without-5",
        "registry-gone-7",
    ),
    *(f"rule-{name}-applied" for name in ("renamed", "constraint", "absent")),
)
HARMLESS = {"analyze": 0, "comment": 1, "options": 1, "partition": 1}

# What is missing or otherwise once a statement of an applied migration was undone, and the migration that made it.
_GROUPS, _ROLES = "project_equipment_groups", "project_roles"
_FIRST, _SECOND, _FIFTH = NAMES[0], NAMES[1], NAMES[4]
DRIFTED = {
    (1, 1): {f"missing column {_GROUPS}.variant_name": _FIRST, f"missing index idx_{_GROUPS}_project_variant": _FIRST,
             f"missing index idx_{_GROUPS}_variant": _FIRST, f"missing index idx_{_GROUPS}_variant_lookup": _FIFTH},
    (1, 2): {f"missing column {_ROLES}.variant_name": _FIRST, f"missing index idx_{_ROLES}_variant": _FIRST,
             f"missing index idx_{_ROLES}_variant_lookup": _FIFTH},
    (1, 3): {f"missing index idx_{_GROUPS}_project_variant": _FIRST},
    (1, 4): {f"missing index idx_{_GROUPS}_variant": _FIRST},
    (1, 5): {f"missing index idx_{_ROLES}_variant": _FIRST},
    (2, 1): {"missing table project_variants": _SECOND},
    (2, 2): {"missing index idx_project_variants_project": _SECOND},
    (2, 3): {"missing index idx_project_variants_default": _SECOND},
    (2, 4): {"missing function project_variants_set_updated_at()": _SECOND,
             "missing trigger project_variants.set_updated_at": _SECOND},
    (2, 5): {"missing trigger project_variants.set_updated_at": _SECOND},
    (2, 6): {"missing row_security project_variants": _SECOND},
    (2, 7): {"missing policy project_variants.visible_project_all": _SECOND},
    (2, 8): {"extra grant table projects PUBLIC": ""},
    (3, 1): {},
    (5, 1): {f"missing index idx_{_GROUPS}_variant_lookup": _FIFTH},
    (5, 2): {f"missing index idx_{_ROLES}_variant_lookup": _FIFTH},
    (6, 1): {f"extra index idx_{_GROUPS}_project": ""},
}  # fmt: skip
OTHERS = {
    "drifted-invalid": {f"changed index idx_{_ROLES}_variant": _FIRST},
    "drifted-type": {"changed column project_variants.sort_order": _SECOND},
    "extended-view": {"extra view theirs": ""},
    "extended-foreign-key": {"extra table theirs": ""},
    "extended-index": {"extra index theirs": ""},
    "extended-trigger": {"extra trigger project_variants.theirs": ""},
    "extended-policy": {"extra policy project_roles.theirs": ""},
    "extended-column": {"extra column project_variants.theirs": ""},
}


@cache
def drifts_of(version: int, state: str, *ignore: str) -> Drifts:
    found = find_drift(observed(version, state), MIGRATIONS, ignore=ignore)
    assert found is not None
    return found


def told(found: Drifts) -> dict[str, str]:
    return {f"{one.kind.value} {one.key}": one.migration for one in found.entries}


@on_each_version
@pytest.mark.parametrize("state", UNKNOWN)
def test_nobody_knows_without_the_catalog_of_a_last_run(version: int, state: str) -> None:
    assert find_drift(observed(version, state), MIGRATIONS) is None


@on_each_version
@pytest.mark.parametrize("state", CLEAN)
def test_what_runs_leave_is_no_drift(version: int, state: str) -> None:
    found = drifts_of(version, state)

    assert (told(found), found.notes) == ({}, ())


@on_each_version
@pytest.mark.parametrize(("name", "notes"), HARMLESS.items(), ids=str)
def test_everyday_work_is_no_drift(version: int, name: str, notes: int) -> None:
    found = drifts_of(version, f"harmless-{name}")

    assert told(found) == {}
    assert (len(found.notes) > 0) is (notes > 0)


@on_each_version
@pytest.mark.parametrize("key", UNDO, ids=str)
def test_what_is_undone_is_told_with_the_migration_that_made_it(version: int, key: tuple[int, int]) -> None:
    assert told(drifts_of(version, f"drifted-{key[0]}-{key[1]}")) == DRIFTED[key]


@on_each_version
@pytest.mark.parametrize(("state", "expected"), OTHERS.items(), ids=str)
def test_what_others_did_is_told(version: int, state: str, expected: dict[str, str]) -> None:
    assert told(drifts_of(version, state)) == expected


def is_sql(one: Drift) -> bool:
    return not one.repair.startswith(("deploy/", "make it again", "PostgreSQL cannot", "bring the definition"))


@on_each_version
@pytest.mark.parametrize("name", EDITS)
class TestEdits:
    """Each edit of ``hand_edits``; that its repair leads back is shown on a server (tests/integration/test_drift.py)."""

    def test_is_told_as_what_it_is(self, version: int, name: str) -> None:
        edit = EDITS[name]
        found = drifts_of(version, name)
        kinds = {one.key: one.kind.value for one in found.entries}

        assert kinds.pop(in_ours(edit.key)) == edit.kind
        assert kinds.keys() <= {in_ours(key) for key in edit.also}

    def test_its_repair_is_sql_where_there_is_any(self, version: int, name: str) -> None:
        edit = EDITS[name]
        one = next(one for one in drifts_of(version, name).entries if one.key == in_ours(edit.key))

        assert is_sql(one) or not edit.repairs
        if is_sql(one):
            assert split(one.repair)

    def test_every_line_is_told_once(self, version: int, name: str) -> None:
        seen = observed(version, name)
        assert seen.registry is not None
        assert seen.registry.drift is not None
        found = drifts_of(version, name)
        lines = [("-", line) for one in found.entries for line in one.patch.minus]
        lines += [("+", line) for one in found.entries for line in one.patch.plus]
        all_ = {("-", line) for line in seen.registry.drift.minus} | {("+", line) for line in seen.registry.drift.plus}

        assert len(lines) == len(set(lines))
        assert {one for one in all_ - set(lines) if one[1] not in found.harmless} == set()

    def test_what_is_ignored_is_counted_and_not_told(self, version: int, name: str) -> None:
        found = drifts_of(version, name, "*")

        assert found.entries == ()
        assert found.ignored


@pytest.mark.parametrize("name", EDITS)
def test_all_versions_tell_the_same(name: str) -> None:
    found = {
        tuple((one.kind, one.key, one.migration) for one in drifts_of(version, name).entries) for version in VERSIONS
    }

    assert len(found) == 1


@pytest.mark.parametrize("state", ["empty", "legacy", "hand-6", "applied-6", "second", "second-applied", "odd"])
def test_the_lines_are_the_same_on_all_versions(state: str) -> None:
    """Definitions, owners and grants are each database's own; all others go with effects, which are compared."""
    found = {
        frozenset(line for line in observed(version, state).catalog.lines if not is_own(line)) for version in VERSIONS
    }

    assert len(found) == 1


@on_each_version
def test_only_what_is_missing_or_changed_fails_unless_strict(version: int) -> None:
    extra, missing = drifts_of(version, "extended-view"), drifts_of(version, "drifted-1-3")

    assert (extra.fails(strict=False), extra.fails(strict=True)) == (False, True)
    assert missing.fails(strict=False)
    assert (len(missing.of(Change.MISSING)), missing.counts) == (1, "1 missing")


def test_a_catalog_as_the_last_run_left_it_has_no_drift() -> None:
    seen = observed(18, "applied-6")
    assert seen.registry is not None

    assert find_drift(replace(seen, registry=replace(seen.registry, drift=Patch())), MIGRATIONS) == Drifts()
    assert find_drift(replace(seen, registry=None), MIGRATIONS) is None


class TestBetweenCatalogs:
    """What the captured states do not have, as lines of two catalogs."""

    def between(self, kept: list[str], now: list[str]) -> Drifts:
        return changes_between(Catalog.of(kept), Catalog.of(now), version_num=180000)

    def one(self, kept: list[str], now: list[str]) -> Drift:
        (found,) = self.between(kept, now).entries
        return found

    def test_what_has_another_name_is_one_difference_with_all_that_names_it(self) -> None:
        kept = ["table was", "column was.id bigint", "constraint was.k CHECK ((id > 0))", "owner table was me"]
        found = self.one(kept, [line.replace("was", "now") for line in kept])

        assert (found.kind, found.key, found.repair) == (Change.CHANGED, "table was", "ALTER TABLE now RENAME TO was;")
        assert found.patch.minus == frozenset(kept)

    def test_a_constraint_of_a_domain_gets_its_name_back_from_the_domain(self) -> None:
        kept = ["type share domain numeric", "constraint share.was CHECK ((VALUE > 0))"]
        found = self.one(kept, [kept[0], "constraint share.now CHECK ((VALUE > 0))"])

        assert found.repair == "ALTER DOMAIN share RENAME CONSTRAINT now TO was;"

    def test_a_table_with_other_columns_has_no_new_name(self) -> None:
        found = self.between(["table was", "column was.id bigint"], ["table now", "column now.id text"])

        assert told(found) == {"missing table was": "", "extra table now": ""}

    def test_of_two_new_tables_one_is_the_old_one(self) -> None:
        found = self.between(["table was"], ["table one", "table two"])

        assert told(found) == {"changed table was": "", "extra table two": ""}

    def test_a_partition_that_was_let_go_has_now_as_its_own_what_it_had_from_its_parent(self) -> None:
        parent = ["table p partition by RANGE (a)", "column p.a integer not null"]
        attached = "table c partition of p FOR VALUES FROM (1) TO (2)"
        own = ["column c.a integer not null", "index i CREATE INDEX i ON c USING btree (a)"]
        found = self.one([*parent, attached], [*parent, "table c", *own])

        assert (found.kind, found.key) == (Change.CHANGED, "table c")
        assert found.repair == "ALTER TABLE p ATTACH PARTITION c FOR VALUES FROM (1) TO (2);"
        assert found.patch.plus == {"table c", *own}

    def test_a_table_that_was_put_under_a_parent_is_let_go(self) -> None:
        found = self.one(
            ["table p", "column p.a integer", "table c", "column c.a integer"],
            ["table p", "column p.a integer", "table c inherits (p)"],
        )

        assert found.repair == "ALTER TABLE c NO INHERIT p;"
        assert found.patch == Patch(frozenset({"table c", "column c.a integer"}), frozenset({"table c inherits (p)"}))

    def test_what_others_need_is_made_first_and_goes_last(self) -> None:
        lines = ["view v as SELECT 1", "index i CREATE INDEX i ON t USING btree (a)", "schema s", "type m enum ('a')"]
        keys = ["schema s", "type m", "view v", "index i"]

        assert [one.key for one in self.between(["table t", *lines], ["table t"]).entries] == keys
        assert [one.key for one in self.between(["table t"], ["table t", *lines]).entries] == keys[::-1]

    def test_what_is_made_again_has_its_owner_and_the_rights_of_others(self) -> None:
        kept = [
            "sequence s as bigint start 1 increment 1 minvalue 1 maxvalue 9 cache 1",
            "owner sequence s app",
            "grant sequence s app USAGE",
            "grant sequence s app SELECT",
            "grant sequence s app UPDATE",
            'grant sequence s "The App" USAGE',
        ]

        assert self.one(kept, []).statements[1:] == (
            "ALTER SEQUENCE s OWNER TO app",
            'GRANT USAGE ON SEQUENCE s TO "The App"',
        )

    def test_a_column_is_not_made_again_where_its_lines_do_not_tell_all_of_it(self) -> None:
        kept = ["table t", "column t.id bigint not null generated always as identity"]
        numbers = "identity t.id start 5 increment 5 minvalue 1 maxvalue 99 cache 1"

        assert self.one(kept, ["table t"]).statements
        assert self.one([*kept, numbers], ["table t"]).statements == ()

    @pytest.mark.parametrize(
        ("was", "now", "key", "repair"),
        [
            (
                [], ["identity t.id start 1 increment 5 minvalue 1 maxvalue 99 cache 1"], "column t.id",
                "ALTER TABLE t ALTER COLUMN id SET START WITH 1 SET INCREMENT BY 1 SET MINVALUE 1 SET NO MAXVALUE"
                " SET CACHE 1 SET NO CYCLE;",
            ),
            (["table_setting t replica_identity full"], [], "table t", "ALTER TABLE t REPLICA IDENTITY FULL;"),
            (["trigger_state t.g DISABLED"], [], "trigger t.g", "ALTER TABLE t DISABLE TRIGGER g;"),
            (
                ["view_setting v security_invoker true"], ["view_setting v security_invoker false"], "view v",
                "ALTER VIEW v SET (security_invoker = 'true');",
            ),
        ],
    )  # fmt: skip
    def test_a_property_is_a_change_of_its_object(self, was: list[str], now: list[str], key: str, repair: str) -> None:
        both = ["table t", "column t.id bigint not null generated always as identity", "view v as SELECT 1"]
        found = self.one([*both, *was], [*both, *now])

        assert (found.kind, found.key, found.repair) == (Change.CHANGED, key, repair)
        assert found.patch == Patch(frozenset(was), frozenset(now))

    def test_a_constraint_that_is_switched_off_is_a_change(self) -> None:
        constraint = "constraint t.k FOREIGN KEY (a) REFERENCES o(id)"
        found = self.one([constraint], [constraint, "constraint_disabled t.k"])

        assert (found.kind, found.key, found.expected) == (Change.CHANGED, "constraint t.k", constraint)
        assert found.repair == "ALTER TABLE t ENABLE TRIGGER ALL;"

    def test_a_constraint_that_is_switched_on_again_is_told_without_sql(self) -> None:
        constraint = "constraint t.k FOREIGN KEY (a) REFERENCES o(id)"
        found = self.one([constraint, "constraint_disabled t.k"], [constraint])

        assert (found.found, found.expected) == (constraint, "constraint_disabled t.k")
        assert found.repair.startswith("bring the definition back from sql/baseline.sql")

    def test_an_index_of_a_constraint_that_is_valid_again_is_a_note(self) -> None:
        constraint = "constraint t.k UNIQUE (a)"
        found = self.between([constraint, "definition constraint t.k its index is INVALID"], [constraint])

        assert (told(found), found.notes) == ({}, ("the index of constraint t.k is valid again",))

    @pytest.mark.parametrize(
        ("kept", "now", "command"),
        [
            (["table t"], [], "make it again as in sql/baseline.sql; its rows: deploy/restore.py"),
            (["type m enum ('a')"], ["type m enum ('a', 'b')"], "PostgreSQL cannot take that back: keep it"),
            (["extension e"], ["extension e of another kind"], "bring the definition back from sql/baseline.sql"),
        ],
    )
    def test_where_lines_do_not_tell_the_sql_the_next_command_is_told(
        self, kept: list[str], now: list[str], command: str
    ) -> None:
        found = self.one(kept, now)

        assert found.statements == ()
        assert found.repair.startswith(command)

    def test_what_a_migration_made_and_lines_do_not_tell_is_put_back_by_a_run(self) -> None:
        found = drifts_of(18, "drifted-2-1").entries[0]

        assert found.repair == f"deploy/migrate.py --data pg_repair=true puts back what {_SECOND} made"

    @pytest.mark.parametrize("kind", ["operator_class", "operator_family"])
    def test_another_owner_is_told_whatever_he_owns(self, kind: str) -> None:
        found = self.one([f"owner {kind} o(btree) me"], [f"owner {kind} o(btree) you"])

        assert (found.kind, found.key) == (Change.CHANGED, f"owner {kind} o(btree)")
        assert found.repair == f"ALTER {kind.replace('_', ' ').upper()} o USING btree OWNER TO me;"
