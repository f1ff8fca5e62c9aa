"""What others built on what a rollback takes away is made again by a superuser, and none of their functions runs as one."""

from __future__ import annotations

import pytest

from tests.support.evil import Evil, gains_nothing_by_being_made
from tests.support.harness import migrate, rollback
from tests.support.servers import Database


def _planted(legacy: Database, evil: Evil, own: str, others: str = "") -> dict[str, object]:
    assert migrate(legacy.settings()).ok
    evil.run("SELECT 1")
    legacy.run(f"GRANT SELECT, REFERENCES ON ALL TABLES IN SCHEMA public TO {evil.name}")
    evil.plants(where=f"^{legacy.name}$")
    evil.run(own)
    evil.run_as_superuser(others)
    gains_nothing_by_being_made(evil)
    return legacy.settings(pg_dependents="quarantine")


@pytest.mark.parametrize(
    "own",
    [
        "CREATE MATERIALIZED VIEW {evil}.v AS SELECT variant_name AS id, {evil}.yes(1) AS b FROM public.project_roles;"
        "CREATE INDEX ON {evil}.v (id) WHERE {evil}.yes(1);",
        "CREATE VIEW {evil}.v AS SELECT variant_name AS id, {evil}.yes(1) AS b FROM public.project_roles;",
    ],
    ids=["materialized view", "view"],
)
def test_a_view_of_others_is_made_again_and_runs_as_its_owner(legacy: Database, evil: Evil, own: str) -> None:
    settings = _planted(legacy, evil, own)
    before = legacy.value(f"SELECT count(*) FROM {evil.name}.v")
    gains_nothing_by_being_made(evil)

    told = ""
    for verb in (rollback, migrate):
        result = verb(settings)
        assert evil.gained == []
        assert result.ok, result.text
        told += result.text

    assert f"view {evil.name}.v" in told
    assert legacy.value("SELECT relispopulated FROM pg_class WHERE oid = %s::regclass", f"{evil.name}.v")
    assert (
        legacy.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass", f"{evil.name}.v")
        == evil.name
    )
    assert legacy.value(f"SELECT count(*) FROM {evil.name}.v") == before


def test_a_reference_is_not_made_again_where_to_check_it_runs_functions_of_others(legacy: Database, evil: Evil) -> None:
    settings = _planted(legacy, evil, "CREATE TABLE {evil}.t (v uuid REFERENCES public.project_variants);")
    back = rollback(settings)
    assert back.ok, back.text
    evil.run("CREATE INDEX later ON {evil}.t (v) WHERE {evil}.yes(1)")

    forth = migrate(settings)

    assert evil.gained == []
    assert forth.ok, forth.text
    assert (
        f"would run function {evil.name}.yes(integer) of role {evil.name}, which index {evil.name}.later calls"
        in forth.text
    )
    assert (
        legacy.value(
            "SELECT count(*) FROM pgmigrate.dependents WHERE restored_at IS NULL AND object LIKE 'constraint %'"
        )
        == 1
    )


@pytest.mark.parametrize(
    "others",
    [
        "ALTER TABLE public.project_roles ADD CONSTRAINT named CHECK ({evil}.yes(length(variant_name)));",
        "CREATE INDEX named ON public.project_roles (({evil}.same(length(variant_name))));",
    ],
    ids=["check", "index"],
)
def test_what_calls_functions_of_others_is_not_made_again_by_a_superuser(
    legacy: Database, evil: Evil, others: str
) -> None:
    settings = _planted(legacy, evil, "SELECT 1", others)

    back = rollback(settings)

    assert evil.gained == []
    if "INDEX" in others:
        # It is read before.
        assert not back.ok
        assert f"would run function {evil.name}.same(integer)" in back.text
        return
    assert back.ok, back.text
    forth = migrate(settings)
    assert evil.gained == []
    assert forth.ok, forth.text
    assert "a superuser could run functions of other roles for it" in forth.text
    assert (
        legacy.value(
            "SELECT count(*) FROM pgmigrate.dependents WHERE restored_at IS NULL AND object LIKE 'constraint %'"
        )
        == 1
    )


def test_without_functions_of_others_all_is_made_again(legacy: Database, evil: Evil) -> None:
    settings = _planted(
        legacy,
        evil,
        "CREATE TABLE {evil}.t (v uuid REFERENCES public.project_variants);",
        "ALTER TABLE public.project_roles ADD CONSTRAINT named CHECK (length(variant_name) > 0);",
    )
    evil.run(f"DROP FUNCTION {evil.name}.yes, {evil.name}.same, {evil.name}.row, {evil.name}.ddl, {evil.name}.grab")

    for verb in (rollback, migrate):
        result = verb(settings)
        assert result.ok, result.text

    assert legacy.value("SELECT count(*) FROM pgmigrate.dependents WHERE restored_at IS NULL") == 0
    assert legacy.value("SELECT count(*) FROM pg_constraint WHERE conname = 'named' AND convalidated") == 1
