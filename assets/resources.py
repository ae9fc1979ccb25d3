"""What the orchestrator hands to assets, checks and sensors."""

from pathlib import Path

import dagster as dg

from assets.installation import Installation, open_installation


class InstallationResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only in Dagster's stubs
    """The installation, named by its directory."""

    home: str

    def open(self) -> Installation:
        """Opens it."""
        return open_installation(Path(self.home))


INSTALLATION = InstallationResource(home=dg.EnvVar("METERHOUSE_HOME"))
"""The installation that a run works on; named when the run starts."""
