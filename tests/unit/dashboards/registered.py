"""What the registry of the small installation knows: meters, points and groups as in its lake, and who lives where."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from registry import organisations
from registry.models import Collector, Customer, Group, GroupMember, Installation, Meter, MeteringPoint
from registry.store import Registry
from tests.registries import new_registry

FIRST = datetime(2025, 9, 30, 22, tzinfo=UTC)
EXCHANGED = datetime(2025, 10, 20, 9, 30, tzinfo=UTC)
KNOWN = datetime(2025, 11, 4, tzinfo=UTC)

_METERS = (
    ("default", "KAM-10000001-1b-16", "water", "flowIQ 2200", "removed"),
    ("default", "KAM-10000002-1b-16", "water", "flowIQ 2200", "in_use"),
    ("default", "KAM-20000001-1b-16", "water", "flowIQ 2200", "in_use"),
    ("default", "KAM-30000001-1b-16", "water", "flowIQ 2200", "stock"),
    ("default", "KAM-40000001-30-04", "heat", "MULTICAL 403", "in_use"),
    ("neighbour", "DME-50000001-7b-07", "water", "HYDRUS", "in_use"),
)
_PLACES = (
    ("default", "P-1", "KAM-10000001-1b-16", FIRST, EXCHANGED),
    ("default", "P-1", "KAM-10000002-1b-16", EXCHANGED, None),
    ("default", "P-2", "KAM-20000001-1b-16", FIRST, None),
    ("default", "P-3", "KAM-40000001-30-04", FIRST, None),
    ("neighbour", "P-1", "DME-50000001-7b-07", FIRST, None),
)
_CUSTOMERS = (
    ("default", "P-1", "C1001", "Sample One", "Sample Street 1", "55.6761", "12.5683"),
    ("default", "P-2", "C1002", "Sample Two", "Sample Street 2", "55.6790", "12.5750"),
    ("default", "P-3", "C1003", "Sample Three", "Sample Street 3", None, None),
    ("neighbour", "P-1", "N1001", "Neighbour One", "Other Street 1", "57.0488", "9.9217"),
)
_GROUPS = (
    ("default", "a" * 32, "Harbour", (("P-1", FIRST), ("P-2", EXCHANGED))),
    ("default", "b" * 32, "Nobody", ()),
    ("neighbour", "c" * 32, "Neighbours", (("P-1", FIRST),)),
)


def fill_registry(home: Path) -> None:
    """Makes the registry of an installation that has none yet."""
    registry = Registry.open(new_registry(home / "registry.sqlite"))
    with registry.begin() as session:
        organisations.admit(session, "default", KNOWN)
    with registry.begin() as session:
        organisations.add(session, "default", "neighbour", name="Neighbour", identity="local:test", now=KNOWN)
        _fill(session)
    registry.engine.dispose()


def _fill(session: Session) -> None:
    for organisation, meter, medium, model, state in _METERS:
        manufacturer, serial, version, device_type = meter.split("-")
        session.add(
            Meter(
                organisation=organisation,
                meter_id=meter,
                manufacturer=manufacturer,
                serial=serial,
                version=version,
                device_type=device_type,
                medium=medium,
                model=model,
                state=state,
                imported_at=FIRST,
            )
        )
    for organisation, place in sorted({(organisation, place) for organisation, place, *_ in _PLACES}):
        session.add(MeteringPoint(organisation=organisation, metering_point=place))
    for organisation, place, meter, since, until in _PLACES:
        session.add(
            Installation(
                organisation=organisation,
                metering_point=place,
                meter_id=meter,
                installed_at=since,
                removed_at=until,
                known_from=KNOWN,
            )
        )
    for organisation, place, number, name, address, latitude, longitude in _CUSTOMERS:
        session.add(
            Customer(
                organisation=organisation,
                metering_point=place,
                customer_number=number,
                name=name,
                address=address,
                postal_code="1000",
                city="Sampletown",
                latitude=latitude,
                longitude=longitude,
            )
        )
    for organisation, group_id, name, members in _GROUPS:
        session.add(Group(organisation=organisation, group_id=group_id, group=name, known_from=KNOWN))
        for place, since in members:
            session.add(
                GroupMember(
                    organisation=organisation,
                    group_id=group_id,
                    metering_point=place,
                    valid_from=since,
                    known_from=KNOWN,
                )
            )
    for collector, comment in (("C-0", "Water tower"), ("C-1", None)):
        session.add(Collector(organisation="default", collector=collector, comment=comment))


def registry_of(home: Path) -> Registry:
    """The registry of an installation's folder."""
    return Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
