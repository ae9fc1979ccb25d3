"""Profiles as files: those that come with the package, and one's own."""

import os
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from registry.profiles.errors import ProfileError
from registry.profiles.fields import Kind
from registry.profiles.model import Profile
from warehouse.plain_yaml import LARGEST, read_settings, understood

KEY_FILES = "keys"
"""A name that no profile may have: in ``imports`` it is the folder of key files."""

_SUFFIX = ".yaml"


def load_profile(name: str, content: bytes) -> Profile:
    """Reads a profile.

    Args:
        name: Its name.
        content: YAML.

    Returns:
        The profile.

    Raises:
        ProfileError: It is too large, no YAML of plain values, or no profile; the message names the places.
    """
    with understood(f"The profile {name}", ProfileError):
        return Profile(**{**read_settings(content), "name": name})


@cache
def shipped_profiles() -> dict[str, Profile]:
    """The profiles that come with the package, by name."""
    folder = files("registry.profiles") / "shipped"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(_SUFFIX)), key=lambda file: file.name)
    names = [(file.name.removesuffix(_SUFFIX), file.read_bytes()) for file in found]
    return {name: load_profile(name, content) for name, content in names}


def list_profiles(folder: Path) -> dict[str, Profile]:
    """All profiles by name: those that come with the package, and one's own.

    Args:
        folder: Where one's own lie; it may be missing.

    Returns:
        The profiles.

    Raises:
        ProfileError: One of them is not understood, or has a name of those that come with the package.
    """
    own = [_from_file(file) for file in sorted(folder.glob(f"*{_SUFFIX}"))]
    for profile in own:
        _refuse_taken(profile.name)
    return {**shipped_profiles(), **{profile.name: profile for profile in own}}


def find_profile(name: str, kind: Kind, folder: Path) -> Profile:
    """A profile by its name or file.

    Args:
        name: Name of a profile, or path of a ``.yaml`` file; empty for the predefined one of the kind.
        kind: What the file holds.
        folder: Where one's own profiles lie.

    Returns:
        The profile.

    Raises:
        ProfileError: There is none, it is not understood, or it is for another kind.
    """
    if name.endswith(_SUFFIX):
        profile = _from_file(Path(name))
    elif (name or kind) in shipped_profiles():
        profile = shipped_profiles()[name or kind]
    elif Path(name).name == name and (folder / f"{name}{_SUFFIX}").is_file():
        profile = _from_file(folder / f"{name}{_SUFFIX}")
    else:
        own = (file.stem for file in folder.glob(f"*{_SUFFIX}"))
        names = ", ".join(sorted({*shipped_profiles(), *own}))
        raise ProfileError(f"There is no profile {name!r}; there are {names}, or name a {_SUFFIX} file of your own.")
    if profile.kind != kind:
        raise ProfileError(f"The profile {profile.name} is for {profile.kind}, not for {kind}.")
    return profile


def to_yaml(profile: Profile) -> str:
    """A profile as the text of its file."""
    facts = profile.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    return str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120))


def save_profile(profile: Profile, folder: Path) -> Path:
    """Writes a profile among one's own, in place of one of the same name.

    Args:
        profile: The profile.
        folder: Where one's own lie; made where it is missing.

    Returns:
        Its file.

    Raises:
        ProfileError: It has the name of one that comes with the package, or cannot be written.
    """
    _refuse_taken(profile.name)
    file = folder / f"{profile.name}{_SUFFIX}"
    partial = file.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(to_yaml(profile), encoding="utf-8")
        os.replace(partial, file)  # noqa: PTH105
    except OSError as exc:
        raise ProfileError(f"{file} cannot be written: {exc.strerror}.") from exc
    return file


def _refuse_taken(name: str) -> None:
    if name == KEY_FILES:
        raise ProfileError(f"{name} is the name of the drop for key files; choose another one for the profile.")
    if name in shipped_profiles():
        raise ProfileError(f"{name} is the name of a profile that comes with Meterhouse; choose another one.")


def _from_file(path: Path) -> Profile:
    try:
        if path.stat().st_size > LARGEST:
            raise ProfileError(f"The profile {path} is larger than {LARGEST // 1024} kB.")
        return load_profile(path.stem, path.read_bytes())
    except OSError as exc:
        raise ProfileError(f"The profile {path} cannot be read: {exc.strerror}.") from exc
