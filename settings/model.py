"""The settings object."""

from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from settings.installation import CONFIG_NAME, InstallationError, locate


class Sftp(BaseSettings):
    """An SFTP drop that is watched for frame files."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_SFTP_", extra="forbid")

    host: str = ""
    port: int = 22
    username: str = ""
    folder: str = "."
    private_key_file: Path | None = None
    password_file: Path | None = None
    known_hosts_file: Path | None = None


class Settings(BaseSettings):
    """Settings of one installation.

    Attributes:
        home: Directory of the installation.
        timezone: The utility's IANA zone; local days, months and years are reckoned in it.
        organisation: Organisation that owns what is imported and landed.
        registry_url: SQLAlchemy URL of the registry.
        master_key_file: File with the master key that wraps meter keys; by default outside ``home``.
        inbox: Folder that the folder sensor watches.
        sftp: SFTP drop that the SFTP sensor watches; unused while it names no host.
        on_time_deadline: Local time of the next day until which a reading counts as on time.
        expected_interval_s: Interval at which a fixed network delivers readings [s].
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_", extra="forbid")

    home: Path
    timezone: str
    organisation: str = "default"
    installation_id: str
    registry_url: str = ""
    master_key_file: Path | None = None
    inbox: Path | None = None
    sftp: Sftp = Field(default_factory=Sftp)
    on_time_deadline: time = time(7, 0)
    expected_interval_s: int = Field(default=3600, gt=0)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the installation's file."""
        home = init_settings().get("home")
        files = (TomlConfigSettingsSource(settings_cls, Path(home) / CONFIG_NAME),) if home else ()
        return init_settings, env_settings, dotenv_settings, file_secret_settings, *files

    @property
    def zone(self) -> ZoneInfo:
        """The utility's zone."""
        return ZoneInfo(self.timezone)

    @property
    def lake_path(self) -> Path:
        """Root of the lake."""
        return self.home / "lake"

    @property
    def landing_path(self) -> Path:
        """Root of the landing archive."""
        return self.home / "landing"

    @property
    def inbox_path(self) -> Path:
        """Folder that the folder sensor watches."""
        return self.inbox or self.home / "inbox"

    @property
    def profiles_path(self) -> Path:
        """Folder of the installation's own import profiles."""
        return self.home / "profiles"

    @property
    def imports_path(self) -> Path:
        """Folder that is watched for registry files, with a folder per profile."""
        return self.home / "imports"

    @property
    def address_register_path(self) -> Path:
        """File of the addresses that there are, for the address check."""
        return self.home / "addresses.csv"

    @property
    def dagster_path(self) -> Path:
        """Dagster's own storage."""
        return self.home / "dagster"

    @property
    def registry_address(self) -> str:
        """SQLAlchemy URL of the registry; SQLite in ``home`` by default."""
        return self.registry_url or f"sqlite:///{self.home / 'registry.sqlite'}"

    @property
    def master_key_path(self) -> Path:
        """File with the master key, by default in the user's configuration directory."""
        return self.master_key_file or Path.home() / ".config" / "meterhouse" / f"{self.installation_id}.key"


def load(home: Path | None = None) -> Settings:
    """Reads the settings of an installation.

    Args:
        home: Its directory; ``None`` takes ``METERHOUSE_HOME``.

    Returns:
        The frozen settings.

    Raises:
        InstallationError: There is no installation, or a value does not hold.
    """
    found = locate(home)
    values: dict[str, Any] = {"home": found}
    try:
        return Settings(**values)
    except ValueError as exc:
        raise InstallationError(f"The settings of {found} do not hold: {exc}") from exc
