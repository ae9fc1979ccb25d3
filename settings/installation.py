"""The directory of an installation: where it is and what a new one holds."""

import json
import os
import re
import tomllib
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CONFIG_NAME = "meterhouse.toml"

_ZONE_LINE = re.compile(r"^timezone\s*=.*$", re.MULTILINE)


class InstallationError(Exception):
    """There is no installation where one was looked for, or it cannot be made; the message says what to do."""


def named(home: Path | None = None) -> Path:
    """The directory the user names, whether or not it holds an installation.

    Args:
        home: Directory given by the user; ``None`` takes ``METERHOUSE_HOME``.

    Returns:
        The absolute directory.

    Raises:
        InstallationError: Neither is given.
    """
    directory = home or os.environ.get("METERHOUSE_HOME")
    if not directory:
        raise InstallationError("No installation named: set METERHOUSE_HOME or give --home.")
    return Path(directory).expanduser().resolve()


def locate(home: Path | None = None) -> Path:
    """Finds the installation's directory.

    Args:
        home: Directory given by the user; ``None`` takes ``METERHOUSE_HOME``.

    Returns:
        The absolute directory.

    Raises:
        InstallationError: Neither is given, or the directory holds no installation.
    """
    directory = named(home)
    if not (directory / CONFIG_NAME).is_file():
        raise InstallationError(
            f"{directory} holds no installation: run 'meterhouse init --home {directory} --timezone …'."
        )
    return directory


def zone_of(text: str) -> ZoneInfo:
    """The zone of a name.

    Raises:
        InstallationError: There is none.
    """
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InstallationError(f"{text!r} is no IANA time zone; give one such as Europe/Copenhagen.") from exc


def written_zone(home: Path) -> str | None:
    """The zone in an installation's file; ``None`` where it stands elsewhere, in the environment say."""
    found = tomllib.loads((home / CONFIG_NAME).read_text(encoding="utf-8")).get("timezone")
    return found if isinstance(found, str) else None


def write_zone(home: Path, timezone: str) -> None:
    """Puts another zone into an installation's file, in one step; all else in it stays as it is.

    Raises:
        InstallationError: The file has no line with a zone.
    """
    config = home / CONFIG_NAME
    text, count = _ZONE_LINE.subn(f"timezone = {json.dumps(timezone)}", config.read_text(encoding="utf-8"), count=1)
    if not count:
        raise InstallationError(f"{config} has no line 'timezone = …': write one.")
    partial = config.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(config.stat().st_mode & 0o777)
    partial.replace(config)


def create(home: Path, timezone: str, organisation: str = "default") -> Path:
    """Makes the directory of a new installation with its configuration file.

    Args:
        home: Directory; made if missing, refused if it already holds an installation.
        timezone: IANA zone of the utility, e.g. ``Europe/Copenhagen``.
        organisation: Name of the first organisation.

    Returns:
        The absolute directory.

    Raises:
        InstallationError: The zone is unknown or the directory already holds an installation.
    """
    zone_of(timezone)
    directory = home.expanduser().resolve()
    config = directory / CONFIG_NAME
    if config.exists():
        raise InstallationError(f"{directory} already holds an installation.")
    directory.mkdir(parents=True, exist_ok=True)
    entries = {"timezone": timezone, "organisation": organisation, "installation_id": str(uuid.uuid4())}
    partial = config.with_suffix(".part")
    partial.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in entries.items()), encoding="utf-8")
    partial.rename(config)
    (directory / "inbox").mkdir(exist_ok=True)
    (directory / "exports" / "outgoing").mkdir(parents=True, exist_ok=True)
    return directory
