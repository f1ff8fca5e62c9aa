"""The fixtures of the integration and acceptance tests, for what takes long by nature."""

from tests.acceptance.conftest import host, site, stage, standby, used
from tests.integration.conftest import applied, clean_structure, folder, kept
from tests.property.conftest import in_parts

__all__ = ["applied", "clean_structure", "folder", "host", "in_parts", "kept", "site", "stage", "standby", "used"]
