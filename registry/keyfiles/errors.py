"""What can go wrong with a key file as a whole."""

from registry.errors import RegistryError


class KeyFileError(RegistryError):
    """The file is refused; the message says why and what to do, and shows nothing of what the file holds."""


class KeyPasswordError(KeyFileError):
    """The file is encrypted, and the password does not open it; another one may."""
