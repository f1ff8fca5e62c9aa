"""The application with its variants in use."""

from __future__ import annotations

from tests.support.servers import Database


def use_variants(database: Database) -> None:
    """Gives ten projects the variants trio and band, each with a copy of every group and its equipment."""
    database.run("UPDATE project_equipment_groups SET updated_at = '2026-01-02', created_at = '2026-01-01'")
    for variant in ("trio", "band"):
        database.run(
            "INSERT INTO project_variants (project_id, variant_name, display_name)"
            f" SELECT id, '{variant}', initcap('{variant}') FROM projects ORDER BY id LIMIT 10;"
            "INSERT INTO project_equipment_groups (project_id, name, variant_name, sort_order)"
            f" SELECT project_id, name, '{variant}', 7 FROM project_equipment_groups WHERE variant_name = 'default'"
            " AND project_id IN (SELECT id FROM projects ORDER BY id LIMIT 10);"
            "INSERT INTO project_equipment (project_id, equipment_id, group_id, quantity)"
            " SELECT g.project_id, (SELECT id FROM equipment ORDER BY id LIMIT 1), g.id, 2"
            f" FROM project_equipment_groups AS g WHERE g.variant_name = '{variant}'"
        )
