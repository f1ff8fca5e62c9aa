"""The fixtures of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import applied, clean_structure, folder, kept

__all__ = ["applied", "clean_structure", "folder", "kept"]
