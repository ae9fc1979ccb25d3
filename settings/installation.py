"""The directory of an installation: where it is and what a new one holds."""

import json
import os
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CONFIG_NAME = "meterhouse.toml"


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
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise InstallationError(f"{timezone!r} is no IANA time zone; give one such as Europe/Copenhagen.") from exc
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
    return directory
