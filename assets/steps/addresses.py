"""The address check after imports, where the installation's settings ask for it."""

from datetime import datetime

from assets.installation import Installation
from assets.steps.publishing import publish_events
from registry.addresses import AddressRegister, check_addresses, waiting


def check_new_addresses(house: Installation, *, identity: str, now: datetime) -> dict[str, int]:
    """Looks up the addresses that nobody has looked up yet, where the setting ``check_addresses`` is on.

    Args:
        house: The installation.
        identity: Who asks.
        now: Instant of the check, UTC.

    Returns:
        Customers by state, of those that were looked up; nothing where the setting is off or nobody waits.

    Raises:
        RegistryError: The installation's address register cannot be read; who waits goes on waiting.
    """
    if not house.settings.check_addresses or not waiting(house.registry, house.organisation):
        return {}
    register = AddressRegister.load(house.settings.address_register_path)
    counts = check_addresses(house.registry, register, organisation=house.organisation, identity=identity, now=now)
    publish_events(house)
    return counts
