"""The settings object."""

import posixpath
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from settings.installation import CONFIG_NAME, InstallationError, locate


class Sftp(BaseSettings):
    """An SFTP drop that is watched for frame files, and maybe for registry files.

    Attributes:
        host: Server.
        port: Its port.
        username: Account.
        folder: Folder of frame files.
        imports_folder: Folder of registry files, with a folder per profile inside; empty for none.
        private_key_file: Private key without passphrase.
        password_file: File with the password in its first line.
        known_hosts_file: OpenSSH ``known_hosts`` with the server's key.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_SFTP_", extra="forbid")

    host: str = ""
    port: int = 22
    username: str = ""
    folder: str = "."
    imports_folder: str = ""
    private_key_file: Path | None = None
    password_file: Path | None = None
    known_hosts_file: Path | None = None

    @model_validator(mode="after")
    def _two_folders(self) -> "Sftp":
        if self.imports_folder and posixpath.normpath(self.imports_folder) == posixpath.normpath(self.folder):
            raise ValueError("folder and imports_folder are the same: frame files and registry files need their own")
        return self


class Smtp(BaseSettings):
    """A mail server that messages to people are handed to; always over TLS."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="METERHOUSE_SMTP_", extra="forbid", hide_input_in_errors=True
    )

    host: str = ""
    port: int | None = None
    security: Literal["starttls", "tls"] = "starttls"
    username: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    sender: str = ""


class Sms(BaseSettings):
    """A service that text messages are handed to over HTTP; unused while it names no address.

    Attributes:
        url: Its address; ``https``, or ``http`` on this machine alone.
        fields: What it is told, by name; ``{to}``, ``{text}`` and ``{id}`` stand for number, text and name of the
            message, also deep inside.
        body: Whether that goes as JSON, as a form or in the address.
        method: Of the request.
        authorization_file: File whose first line is sent as ``authorization_header``.
        authorization_header: Name of that header.
        state_path: Where its answer (JSON) says what became of the message, such as ``messages.0.status``.
        accepted: Words there that mean that it was taken.
        delivered: Words there that mean that the recipient has it.
        most_segments: A text of more parts is cut.
        timeout_s: Longest silence of the service [s].
        ca_file: Certificates to trust instead of those of the machine (PEM).
    """

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="METERHOUSE_SMS_", extra="forbid", hide_input_in_errors=True
    )

    url: str = Field(default="", pattern=r"^(https?://[^/\s@]+[^\s]*)?$")
    fields: dict[str, Any] = Field(default_factory=lambda: {"to": "{to}", "text": "{text}"})
    body: Literal["json", "form", "query"] = "json"
    method: Literal["POST", "PUT", "GET"] = "POST"
    authorization_file: Path | None = None
    authorization_header: str = Field(default="Authorization", pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    state_path: str = ""
    accepted: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    most_segments: int = Field(default=3, ge=1, le=10)
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    ca_file: Path | None = None


class Gateway(BaseSettings):
    """The door through which people come in.

    Attributes:
        public_url: Address under which people reach it, such as ``https://meters.example.org``; links and the
            identity provider's answers lead there. Empty takes the address it listens on.
        tls_certificate_file: Certificate chain (PEM), where the door itself talks TLS.
        tls_key_file: Its private key (PEM).
        trusted_proxies: Addresses of reverse proxies whose ``X-Forwarded-For`` and ``-Proto`` are believed,
            with commas between them.
        language: Language of the sign-in pages for browsers that ask for none that there is.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_GATEWAY_", extra="forbid")

    public_url: str = Field(default="", pattern=r"^(https?://[^/\s]+)?$")
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    trusted_proxies: str = ""
    language: Literal["da", "de", "en", "es", "fr", "nb", "sv"] = "en"


class Oidc(BaseSettings):
    """An OpenID Connect provider that people may sign in with; unused while it names no issuer.

    Attributes:
        issuer: The provider's issuer identifier, an ``https`` address.
        client_id: What the provider knows this installation as.
        client_secret_file: File with the secret shared with the provider; none for a public client.
        name: What the sign-in page calls the provider.
        admits_domains: Whether somebody of an allowed mail domain who has no account yet gets one at first sign-in.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_OIDC_", extra="forbid")

    issuer: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    name: str = "your organisation's account"
    admits_domains: bool = False


class Settings(BaseSettings):
    """Settings of one installation.

    Attributes:
        home: Directory of the installation.
        timezone: The utility's IANA zone; local days, months and years are reckoned in it.
        organisation: Organisation that owns what is imported and landed.
        registry_url: SQLAlchemy URL of the registry; may hold a password.
        master_key_file: File with the master key that wraps meter keys; by default outside ``home``.
        audit_heads_file: File where the heads of the audit chain are noted; by default outside ``home``.
        master_key_variable: Environment variable that holds the master key instead of a file.
        master_key_command: Program with arguments that prints the master key instead of a file.
        inbox: Folder that the folder sensor watches.
        export_folder: Folder that destinations of the kind ``folder`` lie in.
        check_addresses: Whether addresses of customers are looked up after each import, by ``addresses.csv``.
        key_passwords_file: File with the passwords of dropped key files, one per line; each is tried.
        key_archive: Folder that dropped key files are moved to when their keys are stored; without it they are deleted.
        sftp: SFTP drop that the SFTP sensor watches; unused while it names no host.
        smtp: Mail server; messages wait while it names no host.
        sms: Service for text messages; they wait while it names no address.
        gateway: The door through which people come in.
        oidc: OpenID Connect provider that people may sign in with; unused while it names no issuer.
        expected_interval_s: Interval at which a fixed network delivers readings [s].
        round_limit: Most meters that one reading round may have.
        backup_folder: Where back-ups are made each night; none are while it is not named.
        backup_keep: Back-ups that are kept there.
        lake_retention_days: How long older versions of the lake's tables can be read [days].
        message_retention_days: How long the outbox knows for whom a message was that was sent or given up, and how long
            what customers chose to be told of is kept after they moved out [days].
        map_tiles: Address of a tile server with ``{z}``, ``{x}`` and ``{y}``; maps need none, and load nothing where it
            is empty. Whoever looks at a map tells that server which places they look at.
        map_attribution: Whose map that is, as its licence wants it said.
        features: Whether a feature is on, by its name in :mod:`settings.features`; one that is not named is on.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="METERHOUSE_", extra="forbid")

    home: Path
    timezone: str
    organisation: str = "default"
    installation_id: str
    registry_url: str = Field(default="", repr=False)
    master_key_file: Path | None = None
    audit_heads_file: Path | None = None
    master_key_variable: str = ""
    master_key_command: str = ""
    inbox: Path | None = None
    export_folder: Path | None = None
    check_addresses: bool = False
    key_passwords_file: Path | None = None
    key_archive: Path | None = None
    sftp: Sftp = Field(default_factory=Sftp)
    smtp: Smtp = Field(default_factory=Smtp)
    sms: Sms = Field(default_factory=Sms)
    gateway: Gateway = Field(default_factory=Gateway)
    oidc: Oidc = Field(default_factory=Oidc)
    expected_interval_s: int = Field(default=3600, gt=0)
    round_limit: int = Field(default=30_000, gt=0)
    backup_folder: Path | None = None
    backup_keep: int = Field(default=14, gt=0)
    lake_retention_days: int = Field(default=7, gt=0)
    message_retention_days: int = Field(default=90, gt=0)
    map_tiles: str = Field(default="", pattern=r"^(https?://[^/\s;,'\"]+/[^\s;'\"]*\{z\}[^\s;'\"]*)?$")
    map_attribution: str = ""
    features: dict[str, bool] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @model_validator(mode="after")
    def _one_master_key(self) -> "Settings":
        if self.master_key_variable and self.master_key_command:
            raise ValueError("master_key_variable and master_key_command: only one of them can be given")
        return self

    @model_validator(mode="after")
    def _archive_is_no_drop(self) -> "Settings":
        if self.key_archive and self.key_archive.resolve().is_relative_to(self.imports_path.resolve()):
            raise ValueError("key_archive: lies in the watched folder imports; name another folder")
        return self

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
    def export_path(self) -> Path:
        """Folder that destinations of the kind ``folder`` lie in."""
        return self.export_folder or self.home / "exports" / "outgoing"

    @property
    def profiles_path(self) -> Path:
        """Folder of the installation's own import profiles."""
        return self.home / "profiles"

    @property
    def imports_path(self) -> Path:
        """Folder that is watched for registry files, with a folder per profile."""
        return self.home / "imports"

    @property
    def keys_path(self) -> Path:
        """Folder that is watched for key files."""
        return self.imports_path / "keys"

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

    @property
    def audit_heads_path(self) -> Path:
        """File of the audit chain's heads, by default beside the master key."""
        return self.audit_heads_file or self.master_key_path.with_suffix(".heads")


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
    except ValidationError as exc:
        # Without the values: one of them may be a password.
        faults = exc.errors(include_input=False, include_context=False, include_url=False)
        told = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
        raise InstallationError(f"The settings of {found} do not hold: {told}.") from None
    except ValueError as exc:
        raise InstallationError(f"The settings of {found} do not hold: {exc}") from exc
