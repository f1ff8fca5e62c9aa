"""migrate.py where there is much to migrate."""

from __future__ import annotations

import legacy_data
import pytest

from tests.docker.hosts import DockerHost
from tests.support.cli import MIGRATE, Site
from tests.support.migrations import NAMES
from tests.support.servers import Database

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("rule", ["index", "constraint"])
def test_200_000_groups(site: Site, host: DockerHost, stage: Database, rule: str) -> None:
    """Adds to tests/integration/test_variants.py: a table of that size, twenty batches and more, both rules."""
    if rule == "constraint":
        stage.run("DROP INDEX idx_project_equipment_groups_project")
        stage.run("ALTER TABLE project_equipment_groups ADD CONSTRAINT anything UNIQUE (project_id, name)")
    stage.run("TRUNCATE projects, customers, crew_members, crew_roles, equipment, event_types, project_types CASCADE")
    size = legacy_data.Size(projects=20_000, groups=10, roles=1, events=0, equipment=1)
    legacy_data.fill(stage.session, size)
    target = site.docker(host)

    first = site.run("-y", target, MIGRATE)
    second = site.run("-y", target, MIGRATE)

    assert first.status == 0, first.output
    assert first.changed == NAMES
    assert stage.value("SELECT count(*) FROM project_equipment_groups WHERE variant_name = 'default'") == 200_000
    assert second.status == 0
    assert second.changed == []
    project = stage.value("SELECT id FROM projects LIMIT 1")
    for variant in ("trio", "band"):
        stage.session.execute(
            "INSERT INTO project_equipment_groups (project_id, name, variant_name) VALUES (%s, 'Extra', %s)",
            [project, variant],
        )
    (removed,) = stage.value("SELECT removed FROM pgmigrate.migrations WHERE version = 6")
    assert removed.startswith(
        "constraint project_equipment_groups.anything UNIQUE" if rule == "constraint" else "index "
    )
