"""What stands in the way of a rollback, and how what others built is made again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog, Patch
from pyinfra_pgmigrate.errors import Kind, Refusal
from pyinfra_pgmigrate.rollback.blockers import (
    Conflict,
    Dependent,
    Rule,
    kept_objects,
    refusal_for_dependents,
    refusal_for_rows,
    together,
)
from pyinfra_pgmigrate.sqltext.parser import split

from tests.support import plans
from tests.support.captured import VERSIONS

on_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda one: f"pg{one}")


def constraint(definition: str, *, on: str = "groups", name: str = "one_name") -> Rule:
    return Rule("constraint", name, on, definition, ())


class TestRule:
    # Definitions as pg_get_constraintdef writes them.
    @pytest.mark.parametrize(
        ("definition", "ahead", "ending"),
        [
            ("UNIQUE (a, b)", "(a, b)", ""),
            ("UNIQUE (a) INCLUDE (b)", "(a) INCLUDE (b)", ""),
            ("UNIQUE NULLS NOT DISTINCT (a)", "(a) NULLS NOT DISTINCT", ""),
            ("UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b, c)", "(a) INCLUDE (b, c) NULLS NOT DISTINCT", ""),
            ("UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "(a)", " DEFERRABLE INITIALLY DEFERRED"),
            ('UNIQUE ("two words")', '("two words")', ""),
        ],
    )
    def test_a_unique_constraint_has_an_index_that_can_be_built_ahead(
        self, definition: str, ahead: str, ending: str
    ) -> None:
        rule = constraint(definition)

        assert rule.ahead == f"CREATE UNIQUE INDEX CONCURRENTLY one_name ON groups USING btree {ahead}"
        assert rule.ending == ending
        # What PostgreSQL's own grammar takes.
        assert len(split(rule.ahead)) == 1
        assert split(f"ALTER TABLE groups ADD CONSTRAINT one_name UNIQUE USING INDEX one_name{rule.ending}")

    @pytest.mark.parametrize(
        "definition",
        [
            "EXCLUDE USING btree (project_id WITH =) WHERE ((is_default = true))",
            "FOREIGN KEY (a) REFERENCES b(id)",
            "CHECK ((a > 0))",
            "UNIQUE NULLS NOT DISTINCT (a, b WITHOUT OVERLAPS",
        ],
    )
    def test_any_other_constraint_has_none(self, definition: str) -> None:
        assert (constraint(definition).ahead, constraint(definition).ending) == ("", "")

    @pytest.mark.parametrize(
        ("definition", "ahead"),
        [
            ("CREATE INDEX a ON b USING btree (c)", "CREATE INDEX CONCURRENTLY a ON b USING btree (c)"),
            ("CREATE UNIQUE INDEX a ON b USING btree (c)", "CREATE UNIQUE INDEX CONCURRENTLY a ON b USING btree (c)"),
            (
                "CREATE INDEX a ON b USING btree (c) WHERE (d = 'CREATE INDEX '::text)",
                "CREATE INDEX CONCURRENTLY a ON b USING btree (c) WHERE (d = 'CREATE INDEX '::text)",
            ),
        ],
    )
    def test_an_index_is_built_as_it_is_defined(self, definition: str, ahead: str) -> None:
        assert Rule("index", "a", "b", definition, ()).ahead == ahead

    def test_the_index_of_a_constraint_is_in_the_schema_of_its_table(self) -> None:
        assert constraint("UNIQUE (a)", on="other.groups").index == "other.one_name"
        assert constraint("UNIQUE (a)").index == "one_name"
        assert Rule("index", "other.a", "other.b", "CREATE INDEX a ON other.b USING btree (c)", ()).index == "other.a"


CONFLICT = Conflict(
    rule=Rule("index", "one_name", '"groups"', "CREATE UNIQUE INDEX ...", ("name", "project_id")),
    count=3,
    stuck=0,
    rows=4,
    first=((("Backline", "1"), ("default", "band")), (("Backline", "2"), ("default", "trio"))),
    names=(("(Backline, 1) in band", "Backline (band)"),),
    hanging=("groups", "equipment"),
    has_key=True,
)


def refused(conflict: Conflict, on_conflict: str) -> Refusal:
    found = refusal_for_rows(conflict, on_conflict)
    assert found is not None
    assert found.kind is Kind.CONFLICT
    return found


class TestRows:
    def test_they_are_named_with_both_ways_out(self) -> None:
        found = refused(CONFLICT, "abort")

        assert "3 duplicate (name, project_id) values in table groups" in found.message
        assert "(Backline, 1) in default, band; (Backline, 2) in default, trio and 1 more" in found.detail
        assert "pg_on_conflict=rename" in found.hint
        assert "quarantine" in found.hint

    def test_one_is_one(self) -> None:
        found = refused(replace(CONFLICT, count=1, first=CONFLICT.first[:1]), "abort")

        assert "1 duplicate (name, project_id) value in table" in found.message
        assert "more" not in found.detail

    @pytest.mark.parametrize("on_conflict", ["abort", "rename", "quarantine"])
    def test_where_more_than_one_is_of_the_default_nobody_can_choose(self, on_conflict: str) -> None:
        found = refused(replace(CONFLICT, stuck=2), on_conflict)

        assert "In 2 of them" in found.detail
        assert "by hand" in found.hint

    @pytest.mark.parametrize(
        ("change", "lacking"),
        [
            ({"names": ()}, "no text among these columns"),
            ({"has_key": False}, "no primary key"),
            ({"names": (), "has_key": False}, "no primary key"),
        ],
    )
    def test_without_a_name_or_a_key_they_can_only_move(self, change: dict[str, object], lacking: str) -> None:
        conflict = replace(CONFLICT, **change)  # type: ignore[arg-type]

        found = refused(conflict, "rename")

        assert "cannot be renamed" in found.message
        assert lacking in found.detail
        assert "pg_on_conflict=quarantine" in found.hint
        assert refusal_for_rows(conflict, "quarantine") is None

    def test_where_they_can_give_way_nothing_is_refused(self) -> None:
        assert refusal_for_rows(CONFLICT, "rename") is None
        assert refusal_for_rows(CONFLICT, "quarantine") is None


VIEW = Dependent("view theirs", "DROP VIEW theirs", "CREATE VIEW theirs AS SELECT 1")
COLUMN = Dependent("column variants.theirs", "ALTER TABLE ...", None)
TYPE = Dependent("type theirs", None, None)


class TestDependents:
    @pytest.mark.parametrize(
        ("dependents", "keeps", "in_the_way"),
        [
            ([], False, []),
            ([VIEW], False, ["view theirs"]),
            ([VIEW], True, []),
            ([VIEW, COLUMN, TYPE], True, ["column variants.theirs", "type theirs"]),
        ],
    )
    def test_only_what_cannot_be_made_again_is_in_the_way_where_they_are_kept(
        self, dependents: list[Dependent], keeps: bool, in_the_way: list[str]
    ) -> None:
        found = refusal_for_dependents(dependents, keeps=keeps)

        if not in_the_way:
            assert found is None
            return
        assert found is not None
        assert found.kind is Kind.DEPENDENT
        assert f"Found {'; '.join(in_the_way)};" in found.detail
        assert ("pg_dependents=quarantine" in found.hint) is not keeps

    def test_of_many_the_first_twenty_are_named(self) -> None:
        found = refusal_for_dependents([replace(VIEW, key=f"view v{number:02}") for number in range(22)], keeps=False)

        assert found is not None
        assert "22 objects created outside these migrations depend on" in found.message
        assert "view v19 and 2 more;" in found.detail
        one = refusal_for_dependents([VIEW], keeps=False)
        assert one is not None
        assert "1 object created outside these migrations depends on" in one.message

    def test_several_refusals_are_one(self) -> None:
        first, second = refused(CONFLICT, "abort"), refused(replace(CONFLICT, stuck=1), "abort")
        found = together([first, second])

        assert together([first]) is first
        for part in (first, second):
            assert part.message in found.message
            assert part.detail in found.detail
            assert part.hint in found.hint


class TestKept:
    @on_each_version
    def test_owner_and_rights_of_another_application_are_given_again(self, version: int) -> None:
        kept = {one.object: one for one in plans.resolved("second-applied", version).kept}
        table = kept["owner, grants and comment of table project_variants"]

        owner, revoked, *grants = table.statements
        assert owner == "ALTER TABLE project_variants OWNER TO hosted_owner"
        # All that default privileges and the owner would have, before what was really there.
        assert "REVOKE ALL ON TABLE project_variants FROM" in revoked
        assert "GRANT SELECT ON TABLE project_variants TO hosted_anon" in grants
        assert len(grants) == sum(line.startswith("grant ") for line in table.lines)
        assert not any("hosted_anon" in one and "SELECT" not in one for one in grants)

    def own(self, dependent: Dependent, *lines: str) -> list[str]:
        (found,) = kept_objects([dependent], Patch(), Catalog.of(lines))
        assert found.object == dependent.key
        assert found.lines == set(lines)
        assert found.statements[0] == dependent.made
        for statement in found.statements[1:]:
            assert len(split(statement)) == 1
        return list(found.statements[1:])

    def test_rights_on_columns_and_the_right_to_hand_on_are_given_again(self) -> None:
        made = Dependent("view theirs", "DROP VIEW theirs", "CREATE VIEW theirs AS SELECT 1 AS a")

        found = self.own(
            made,
            "view theirs as SELECT 1 AS a",
            "grant column theirs.a app UPDATE",
            "grant view theirs app SELECT with grant option",
            "comment view theirs 'it''s'",
            "comment column theirs.a 'a'",
        )

        assert found[0].startswith("DO $own$")
        assert set(found[1:]) == {
            "GRANT UPDATE (a) ON TABLE theirs TO app",
            "GRANT SELECT ON TABLE theirs TO app WITH GRANT OPTION",
            "COMMENT ON VIEW theirs IS 'it''s'",
            "COMMENT ON COLUMN theirs.a IS 'a'",
        }

    @pytest.mark.parametrize("kind", ["function", "procedure"])
    def test_rights_that_come_by_default_are_taken_first(self, kind: str) -> None:
        made = Dependent(f"{kind} theirs(integer)", f"DROP {kind} theirs(integer)", "CREATE ...")

        found = self.own(made, f"grant {kind} theirs(integer) app EXECUTE", f"owner {kind} theirs(integer) app")

        owner, revoke, grant = found
        assert owner == f"ALTER {kind.upper()} theirs(integer) OWNER TO app"
        assert f"EXECUTE 'REVOKE ALL ON {kind.upper()} theirs(integer) FROM ' || who" in revoke
        assert grant == f"GRANT EXECUTE ON {kind.upper()} theirs(integer) TO app"

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("trigger groups.theirs", "COMMENT ON TRIGGER theirs ON groups IS 'x'"),
            ("constraint groups.theirs", "COMMENT ON CONSTRAINT theirs ON groups IS 'x'"),
            ("policy other.groups.theirs", "COMMENT ON POLICY theirs ON other.groups IS 'x'"),
            ("materialized_view theirs", "COMMENT ON MATERIALIZED VIEW theirs IS 'x'"),
            ("index theirs", "COMMENT ON INDEX theirs IS 'x'"),
        ],
    )
    def test_a_comment_is_written_again_on_what_it_was_on(self, key: str, expected: str) -> None:
        assert self.own(Dependent(key, "DROP ...", "CREATE ..."), f"comment {key} 'x'") == [expected]

    def test_names_of_lines_are_written_as_sql_writes_them(self) -> None:
        made = Dependent('view "a\\b"', 'DROP VIEW "a\\b"', 'CREATE VIEW "a\\b" AS SELECT 1')

        found = self.own(made, 'owner view "a\\\\b" app')

        assert found == ['ALTER VIEW "a\\b" OWNER TO app']

    def test_settings_beside_an_object_go_with_it_and_those_of_others_do_not(self) -> None:
        made = Dependent("index theirs", "DROP INDEX theirs", "CREATE INDEX theirs ...")
        lines = ("index theirs CREATE INDEX theirs ON a USING btree (b)", "index_setting theirs fillfactor 80")
        others = ("index_setting theirs2 fillfactor 80", "index theirs2 CREATE INDEX theirs2 ON a USING btree (b)")

        (found,) = kept_objects([made], Patch(), Catalog.of([*lines, *others]))

        assert found.lines == set(lines)

    def test_what_stays_keeps_its_owner_without_being_told(self) -> None:
        # The table changes and stays: the migrations change its rights again themselves.
        patch = Patch(frozenset({"table a", "grant table a app SELECT"}), frozenset({"table a"}))

        assert list(kept_objects([], patch, Catalog.of([]))) == []
        gone = replace(patch, plus=frozenset())
        (found,) = kept_objects([], gone, Catalog.of([]))
        assert (found.gone, found.lines) == ("", frozenset({"grant table a app SELECT"}))

    def test_an_owner_alone_is_not_kept(self) -> None:
        patch = Patch(frozenset({"table a", "owner table a app"}))

        assert list(kept_objects([], patch, Catalog.of([]))) == []
