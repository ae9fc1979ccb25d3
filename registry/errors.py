"""What can go wrong in the registry."""


class RegistryError(Exception):
    """A file, a key or the database is not as it must be; the message says what to do, and never shows a key."""
