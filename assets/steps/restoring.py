"""Back-ups on their way back: whether one holds, and an installation made of it."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import settings
from assets.installation import Installation
from assets.steps.agreeing import Agreement, agree
from assets.steps.backing_up import REGISTRY
from assets.steps.publishing import publish_registry
from connectors import backups
from connectors.backups import Manifest
from connectors.errors import Permanent
from registry import audit
from registry.copying import copy
from registry.data_keys import open_vault
from registry.engines import name_of
from registry.master_keys import MasterKeySource
from registry.store import Registry
from warehouse.snapshots import snapshots

_NAMED = 5
"""Damaged files that a message names."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A back-up that holds.

    Attributes:
        name: Its name.
        files: Files whose content is the one that was backed up.
        tables: Tables of the lake that open, with the rows they had.
        events: Audit events whose chain holds.
        opens: Whether the master key was tried, and opens its keys.
    """

    name: str
    files: int
    tables: int
    events: int
    opens: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """An installation made of a back-up.

    Attributes:
        house: The installation.
        name: The back-up.
        agreement: What had to be done for registry, lake and landing archive to agree.
    """

    house: Installation
    name: str
    agreement: Agreement


def verify(folder: Path, name: str, source: MasterKeySource | None, now: datetime) -> Verified:
    """Tries a back-up out: every content, and an installation put together of it for a moment, without room of its own.

    Args:
        folder: Folder of the back-ups.
        name: Which one; the newest where empty.
        source: Where the master key is; ``None`` leaves it untried.
        now: When.

    Returns:
        What was seen.

    Raises:
        ConnectorError: A file is damaged or missing; the message names it. Or a table has other rows than it had.
        RegistryError: The registry does not open, its chain does not hold, or the master key is another one.
        LakeError: A table does not open.
    """
    manifest = _sound(folder, name)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".work-") as work:
        home = Path(work)
        _lay_out(folder, manifest, home, _link)
        _check_tables(home / "lake", manifest)
        registry = Registry.open(f"sqlite:///{home / REGISTRY}")
        try:
            chain = audit.walk(registry)
            if chain.broken is not None:
                raise Permanent(f"{manifest.name}: the chain of audit events breaks at event {chain.broken}.")
            if source is not None:
                open_vault(registry, source, now)
        finally:
            registry.engine.dispose()
    return Verified(manifest.name, len(manifest.files), len(manifest.about["tables"]), chain.events, source is not None)


def restore(folder: Path, name: str, home: Path, *, identity: str, now: datetime) -> Restored:
    """Makes an installation of a back-up.

    It stands in its place whole or not at all. A registry that the settings put elsewhere than into the directory must
    be an empty database.

    Args:
        folder: Folder of the back-ups.
        name: Which one; the newest where empty.
        home: Directory of the installation; must not hold anything.
        identity: Who restores.
        now: When.

    Returns:
        The installation.

    Raises:
        ConnectorError: A file is damaged or missing, or ``home`` holds something; nothing is made then.
        RegistryError: The registry's database is not empty.
    """
    home = home.expanduser().resolve()
    if home.exists() and any(home.iterdir()):
        raise Permanent(f"{home} is not empty: name another directory, or move what is there away.")
    manifest = _sound(folder, name)
    staging = home.with_name(f"{home.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    _lay_out(folder, manifest, staging, shutil.copyfile)
    _check_tables(staging / "lake", manifest)
    saved = staging / REGISTRY
    known = settings.load(staging)
    if known.registry_address != f"sqlite:///{saved}":
        _move_registry(saved, known.registry_address)
    (staging / "inbox").mkdir(exist_ok=True)
    (staging / "exports" / "outgoing").mkdir(parents=True, exist_ok=True)
    if home.exists():
        home.rmdir()
    staging.rename(home)
    house = Installation(settings.load(home))
    with house.alone("landing"):
        agreement = agree(house, identity, now)
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="backup.restore",
            identity=identity,
            now=now,
            target=manifest.name,
        )
    publish_registry(house)
    return Restored(house, manifest.name, agreement)


def _move_registry(saved: Path, address: str) -> None:
    """Puts the registry's copy into the database that the settings name."""
    registry, target = Registry.open(f"sqlite:///{saved}"), Registry.open(address)
    with registry.begin(readonly=True) as rows, target.begin() as session:
        copy(rows, session, name_of(target.engine))
    for opened in (registry, target):
        opened.engine.dispose()
    for file in saved.parent.glob(f"{saved.name}*"):
        file.unlink()


def _sound(folder: Path, name: str) -> Manifest:
    """A back-up whose contents are all there and as they were.

    Raises:
        Permanent: They are not; the message names the files.
    """
    manifest = backups.read(folder, name)
    if broken := list(backups.damaged(folder, manifest)):
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        raise Permanent(
            f"The back-up {manifest.name} in {folder} is damaged: {', '.join(broken[:_NAMED])}{more}. Nothing was "
            "restored; take another one with --at."
        )
    return manifest


def _lay_out(folder: Path, manifest: Manifest, home: Path, place: Callable[[Path, Path], object]) -> None:
    """Puts every file of a back-up in its place below a directory."""
    for entry in manifest.files:
        target = (home / entry.path).resolve()
        if not target.is_relative_to(home.resolve()):
            raise Permanent(f"The back-up {manifest.name} names a place outside the installation: {entry.path}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        content = backups.content_of(folder, entry)
        if entry.path == REGISTRY:
            shutil.copyfile(content, target)  # it is opened for writing
        else:
            place(content, target)
        if place is not _link or entry.path == REGISTRY:
            target.chmod(entry.mode)


def _link(content: Path, target: Path) -> None:
    try:
        os.link(content, target)
    except OSError:  # a file system without links
        shutil.copyfile(content, target)


def _check_tables(lake: Path, manifest: Manifest) -> None:
    found = {name: {"version": one.version, "rows": one.rows} for name, one in snapshots(lake).items()}
    if differing := [name for name, told in manifest.about["tables"].items() if found.get(name) != told]:
        raise Permanent(f"The back-up {manifest.name} has other rows than it had in {', '.join(differing)}.")
