"""A meter at a metering point whose exchange is entered by hand and corrected, and its fixtures."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from registry.inventory import exchanges, new_exchanges
from registry.inventory.lifecycle import install
from registry.inventory.meters import find_meter
from registry.inventory.new_exchanges import NewExchange
from registry.models import MeteringPoint
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.registry.inventory_rows import BEFORE, LATER, NOW, WHO, add_meters, meter_id

OLD, NEW, OTHER = meter_id(1), meter_id(2), meter_id(3)
AT = NOW - timedelta(days=10)
ZONE = ZoneInfo("Europe/Copenhagen")

Hand = dict[str, Any]
"""What functions of exchanges by hand need besides: the vault, the utility's time zone."""


@pytest.fixture
def house(registry: Registry) -> Registry:
    """Three meters, the first of them at P1."""
    add_meters(registry, 3)
    with registry.begin() as session:
        session.add(MeteringPoint(organisation="default", metering_point="P1"))
        install(session, "default", find_meter(session, "default", OLD), metering_point="P1", at=BEFORE, **WHO)
    return registry


@pytest.fixture
def hand(vault: KeyVault) -> Hand:
    return {"vault": vault, "zone": ZONE}


def enter_exchange(exchange: NewExchange, registry: Registry, hand: Hand, **changes: Any) -> bool:
    with registry.begin() as session:
        return new_exchanges.enter(session, "default", replace(exchange, **changes), **hand, **WHO)


def correct(registry: Registry, hand: Hand, at: datetime = AT, now: datetime = LATER, **changes: Any) -> bool:
    who = {"identity": "test", "now": now, "reason": "misread"}
    with registry.begin() as session:
        return exchanges.correct(session, "default", "P1", at, **hand, **who, **changes)
