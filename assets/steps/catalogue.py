"""The catalogue file of an installation."""

from pathlib import Path

from assets.installation import Installation
from warehouse.catalogue import write_catalogue


def refresh_catalogue(house: Installation) -> Path:
    """Writes the catalogue of an installation's own organisation into its lake.

    Returns:
        The file.
    """
    file = house.settings.lake_path / "catalogue.duckdb"
    with house.alone("catalogue"):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_catalogue(house.lake, file, house.organisation)
    return file
