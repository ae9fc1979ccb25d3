"""The installation a run works on: settings, lake, registry and key vault, opened once per process."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import settings
from registry import known_instants, organisations, policies
from registry.data_keys import open_vault, prepare
from registry.ledger import read_cursor, write_cursor
from registry.master_keys import MasterKeySource
from registry.people.letters import Letters
from registry.policies import Model
from registry.store import Registry
from registry.vault import KeyVault
from warehouse.lake import Lake

ZONE = "timezone"
"""Cursor that keeps the zone of the figures."""
WORKS = (
    "landing",
    "decoding",
    "readings",
    "figures",
    "info_codes",
    "performance",
    "links",
    "leaks",
    "alerts",
    "water",
    "heating",
    "validation",
    "upkeep",
    "publishing",
)
"""Everything that writes to the lake, in the order in which one takes all of it."""
LOCK_NOW = fcntl.LOCK_EX | fcntl.LOCK_NB


@dataclass(frozen=True)
class Installation:
    """Handles to everything an installation holds.

    Attributes:
        settings: Its settings.
    """

    settings: settings.Settings

    @property
    def organisation(self) -> str:
        """Organisation that owns what is landed here."""
        return self.settings.organisation

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.settings.lake_path)

    @cached_property
    def registry(self) -> Registry:
        """The registry, migrated to the newest schema, with a data key that the vault can be opened with.

        Raises:
            RegistryError: It cannot be opened, the settings name an organisation that there is none of, or the first
                data key cannot be made with the master key.
            InstallationError: Its figures were reckoned in another time zone than the settings name.
        """
        registry = Registry.open(self.settings.registry_address)
        _admit(registry, self.settings)
        keep_zone(registry, self.settings)
        prepare(registry, self.master_key_source, datetime.now(UTC))
        return registry

    @cached_property
    def vault(self) -> KeyVault:
        """The key vault, opened with the master key; inside of a transaction, too."""
        return open_vault(self.registry, self.master_key_source, datetime.now(UTC))

    @property
    def letters(self) -> Letters | None:
        """How links are sent to people; ``None`` where no mail server or no public address is set."""
        known = self.settings
        if not (known.smtp.host and known.gateway.public_url):
            return None
        return Letters(self.vault, known.gateway.public_url, known.zone)

    @property
    def master_key_source(self) -> MasterKeySource:
        """Where the master key is."""
        known = self.settings
        return MasterKeySource(known.master_key_path, known.master_key_variable, known.master_key_command)

    def policy(self, model: type[Model], as_of: datetime | None = None) -> Model:
        """The organisation's policy in force.

        Args:
            model: Model of the policy's kind, e.g. ``ConsumptionPolicy``.
            as_of: Instant at which it held, UTC; ``None`` takes the newest.

        Raises:
            PolicyError: The document of an older release is not understood any more.
        """
        with self.registry.begin(readonly=True) as session:
            return policies.current(session, self.organisation, model, as_of)

    def stamp(self, now: datetime) -> datetime:
        """The instant since when something is known that is about to be stored: after every export's.

        Args:
            now: The present, UTC. Ask when nobody else is at the work: an export may be fixed while one waits.
        """
        with self.registry.begin(readonly=True) as session:
            return known_instants.later(session, self.organisation, now, writing=False)

    @contextmanager
    def alone(self, work: str, *, wait: bool = True) -> Iterator[None]:
        """Lets one process at a time do a piece of work; the others wait.

        The lock is the operating system's: it is freed when its holder dies.

        Args:
            work: Name of the work, e.g. ``decoding``.
            wait: Whether to wait for another process.

        Raises:
            InstallationError: Another process is at it, and it was not to be waited for.
        """
        folder = self.settings.home / "locks"
        folder.mkdir(exist_ok=True)
        with (folder / f"{work}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else LOCK_NOW)
            except BlockingIOError as exc:
                raise settings.InstallationError(
                    f"A run is at work in {self.settings.home} ({work}): try again when it is done."
                ) from exc
            yield

    @contextmanager
    def undisturbed(self, *, wait: bool = True) -> Iterator[None]:
        """Lets nobody else write to the lake; see :meth:`alone`."""
        with ExitStack() as locks:
            for work in WORKS:
                locks.enter_context(self.alone(work, wait=wait))
            yield


def _admit(registry: Registry, known: settings.Settings) -> None:
    """Sees to it that the settings name an organisation that there is; the first opening makes the first one."""
    with registry.begin(readonly=True) as session:
        if organisations.is_known(session, known.organisation):
            return
    with registry.begin() as session:
        organisations.admit(session, known.organisation, datetime.now(UTC))


def keep_zone(registry: Registry, known: settings.Settings) -> None:
    """Notes the zone at the first opening, and refuses another one later.

    Local days of figures and the times of meters' clocks rest on it: half of them in one zone would be worth nothing.
    """
    kept = read_cursor(registry, known.organisation, ZONE)
    if kept is None:
        write_cursor(registry, known.organisation, ZONE, known.timezone, datetime.now(UTC))
    elif kept != known.timezone:
        raise settings.InstallationError(
            f"The figures of {known.home} are those of {kept}, and its settings name {known.timezone}: put it back. "
            "For another zone run 'meterhouse timezone migrate'; one that was cut off is finished by the same command. "
            "Start again what was started before."
        )


@lru_cache(maxsize=4)
def open_installation(home: Path) -> Installation:
    """Opens an installation, once per process.

    Args:
        home: Its directory.

    Returns:
        The handles.

    Raises:
        InstallationError: There is none.
    """
    return Installation(settings.load(home))
