"""The fixtures of the integration and acceptance tests, for what takes long by nature."""

from tests.acceptance.conftest import host, site, stage, standby, used
from tests.integration.conftest import applied, clean_structure, folder, kept

__all__ = ["applied", "clean_structure", "folder", "host", "kept", "site", "stage", "standby", "used"]
