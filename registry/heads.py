"""Heads of the audit chain, noted in a file at a separate place: what nobody can change who changes the database."""

import os
from datetime import UTC, datetime
from pathlib import Path

from registry.audit import Chain
from registry.errors import RegistryError


def note_head(file: Path, chain: Chain, now: datetime) -> None:
    """Appends a line with instant, number of events and hash; it reaches the disk before this returns.

    Args:
        file: Where; made if missing, readable by its owner alone.
        chain: The chain, which holds.
        now: Instant of the walk.

    Raises:
        RegistryError: The file cannot be written.
    """
    line = f"{now.astimezone(UTC).isoformat(timespec='seconds')} {chain.events} {chain.head}\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as heads:
            heads.write(line)
            heads.flush()
            os.fsync(heads.fileno())
    except OSError as exc:
        raise RegistryError(f"The heads of the audit log cannot be written to {file}: {exc.strerror}.") from exc


def fault(chain: Chain, file: Path) -> str | None:
    """What does not hold of a chain that was walked with the heads of a file.

    Args:
        chain: What the walk found.
        file: Where the heads are noted.

    Returns:
        A sentence; ``None`` where the chain holds and leads over all noted heads.
    """
    if chain.broken is not None:
        return f"The chain breaks at event {chain.broken}: it was altered, or events before it are missing."
    if chain.lost:
        return (
            f"The chain holds in itself, but not as it was noted in {file}: it differs at event {chain.lost[0]} or "
            "before, or ends earlier. Somebody wrote it anew or cut it off."
        )
    return None


def read_heads(file: Path) -> dict[int, str]:
    """The noted hashes by number of events; none where the file is not there yet.

    A line that a power cut left half written counts for nothing.

    Raises:
        RegistryError: The file cannot be read, or notes two hashes for one number of events.
    """
    try:
        lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    except (OSError, UnicodeDecodeError) as exc:
        raise RegistryError(f"The heads of the audit log in {file} cannot be read: {exc}.") from exc
    heads: dict[int, str] = {}
    for line in lines:
        _, _, rest = line.partition(" ")
        count, _, head = rest.partition(" ")
        if not count.isdigit() or len(head) != 64:
            continue
        if heads.setdefault(int(count), head) != head:
            raise RegistryError(f"{file} notes two hashes for {count} events: the audit log was written anew.")
    return heads
