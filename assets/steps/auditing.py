"""What runs leave in the audit log, and the noted heads of its chain."""

from collections.abc import Mapping
from datetime import datetime

from assets.installation import Installation
from assets.steps.publishing import publish_events
from registry import audit
from registry.errors import RegistryError
from registry.heads import fault, note_head, read_heads


def record_run(
    house: Installation, *, identity: str, run_id: str, succeeded: bool, details: Mapping[str, object], now: datetime
) -> None:
    """Notes a run of the graph and who asked for it.

    Args:
        house: The installation.
        identity: Who asked: a user, or the service that runs unattended.
        run_id: The orchestrator's id of the run, under which its log is found.
        succeeded: Whether all its steps did.
        details: More about it.
        now: When it ended.
    """
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="run.succeeded" if succeeded else "run.failed",
            identity=identity,
            now=now,
            target=run_id,
            details=details,
        )
    publish_events(house)


def breaks_of_audit_chain(house: Installation) -> int:
    """Counts what does not hold of the audit chain: a break, and noted heads that it has lost."""
    chain = audit.walk(house.registry, read_heads(house.settings.audit_heads_path))
    return len(chain.lost) + (chain.broken is not None)


def note_audit_head(house: Installation, now: datetime) -> audit.Chain:
    """Walks the chain and, where it holds as noted before, notes its head at a separate place.

    Args:
        house: The installation.
        now: Instant of the walk.

    Returns:
        What the walk found.

    Raises:
        RegistryError: The chain is broken, or leads no longer over the heads noted before; nothing is noted.
    """
    file = house.settings.audit_heads_path
    chain = audit.walk(house.registry, read_heads(file))
    if problem := fault(chain, file):
        raise RegistryError(f"{problem} No head is noted. See 'meterhouse audit verify'.")
    note_head(file, chain, now)
    return chain
