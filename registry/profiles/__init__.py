"""Import profiles: how the lines of a file become the fields of meters, customers, exchanges and readings."""

from registry.profiles.errors import ProfileError
from registry.profiles.fields import KINDS, Kind
from registry.profiles.loading import find_profile, list_profiles, load_profile, save_profile, shipped_profiles, to_yaml
from registry.profiles.model import Profile, Source
from registry.profiles.reading import Lines, read_lines

__all__ = [
    "KINDS",
    "Kind",
    "Lines",
    "Profile",
    "ProfileError",
    "Source",
    "find_profile",
    "list_profiles",
    "load_profile",
    "read_lines",
    "save_profile",
    "shipped_profiles",
    "to_yaml",
]
