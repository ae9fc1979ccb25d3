"""What can go wrong in the inventory."""

from registry.errors import RegistryError


class InventoryError(RegistryError):
    """A meter, an exchange, a field or the plan does not allow what was asked; the message says what to do."""
