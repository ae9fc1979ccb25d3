"""What can go wrong with groups."""

from registry.errors import RegistryError


class GroupError(RegistryError):
    """A group, a member or a rule is not as it must be; the message says what to do."""
