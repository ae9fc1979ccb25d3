"""What can be wrong with a policy."""

from warehouse.errors import WarehouseError


class PolicyError(WarehouseError):
    """There is no such policy, or its document is not understood; the message says what to mend."""
