"""Features that an installation may switch off, and why one is off."""

from settings.installation import InstallationError
from settings.model import Settings

FEATURES = {
    "consumption_page": "The page that shows consumption.",
    "custom_fields": "Fields that the utility adds to meters and metering points.",
    "meter_exchange": "Exchanges entered by hand.",
    "meter_update": "Many meters changed by a CSV file.",
}
"""Each is on unless ``[features]`` in ``meterhouse.toml``, or ``METERHOUSE_FEATURES``, says ``false``."""


class FeatureOff(InstallationError):  # noqa: N818  the state of a feature, told to users
    """A feature was asked for that is switched off."""


def why_off(settings: Settings, name: str) -> str | None:
    """Why a feature is off, and what switches it on.

    Args:
        settings: The installation's settings.
        name: One of :data:`FEATURES`.

    Returns:
        A sentence for users; ``None`` where the feature is on.

    Raises:
        InstallationError: The settings name a feature that there is none of.
        KeyError: There is no such feature.
    """
    if unknown := sorted(set(settings.features) - set(FEATURES)):
        raise InstallationError(f"The settings name a feature {unknown[0]}; there are {', '.join(FEATURES)}.")
    meaning = FEATURES[name]
    if settings.features.get(name, True):
        return None
    return (
        f"{name} is switched off here ({meaning.rstrip('.').lower()}). An administrator switches it on with "
        f"'{name} = true' under [features] in meterhouse.toml."
    )


def require(settings: Settings, name: str) -> None:
    """Refuses work of a feature that is off.

    Raises:
        FeatureOff: It is off; the message says why.
    """
    if reason := why_off(settings, name):
        raise FeatureOff(reason)
