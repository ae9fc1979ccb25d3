"""Fixtures that many files share: imported here once, since each file that imports one makes it anew."""

from tests.integration.installations import everything, everything_late, filled, filled_folder, fleet, house, workshop

__all__ = ["everything", "everything_late", "filled", "filled_folder", "fleet", "house", "workshop"]
