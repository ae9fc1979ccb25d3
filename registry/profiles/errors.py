"""What can be wrong with a profile."""

from registry.errors import RegistryError


class ProfileError(RegistryError):
    """There is no such profile, or it is not understood; the message says what to mend."""
