"""What goes on in the small installation: performance, alerts, exceptions, exchanges, and how collectors work."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from sqlalchemy.orm import Session

from registry.models import ConsumptionAlert, Exchange
from registry.store import Registry
from warehouse.lake import Lake
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    COLLECTOR_DAILY,
    CONSUMPTION_ALERTS,
    EXCHANGES,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    VEE_EXCEPTIONS,
    Table,
)

FIRST = datetime(2025, 9, 30, 22, tzinfo=UTC)
END = datetime(2025, 11, 3, 23, tzinfo=UTC)
EXCHANGED = datetime(2025, 10, 20, 9, 30, tzinfo=UTC)
KNOWN = datetime(2025, 11, 4, tzinfo=UTC)
OLD, NEW, OTHER, HEAT = "KAM-10000001-1b-16", "KAM-10000002-1b-16", "KAM-20000001-1b-16", "KAM-40000001-30-04"
FOREIGN = "DME-50000001-7b-07"
JUMP = END - timedelta(hours=2)
DAYS = [date(2025, 11, day) for day in (1, 2, 3)]

_ALERTS = (("P-1", 10, FIRST, None), ("P-2", 500, FIRST, KNOWN))
_EXCHANGE = {
    "metering_point": "P-1",
    "exchanged_at": EXCHANGED,
    "old_meter_id": OLD,
    "new_meter_id": NEW,
    "register": "volume_m3",
    "old_final": 57,
    "new_initial": 0,
    "known_from": KNOWN,
    "reason": "End of the calibration period",
}


def _register(session: Session) -> None:
    session.add(Exchange(organisation="default", identity="local:test", known_to=None, **_EXCHANGE))
    for place, limit, starts, ends in _ALERTS:
        session.add(
            ConsumptionAlert(
                organisation="default",
                metering_point=place,
                register="volume_m3",
                limit_value=limit,
                period="total",
                include_estimates=False,
                starts_at=starts,
                ends_at=ends,
                last_reset=None,
                resets=0,
                changed_at=KNOWN,
                removed_at=None,
            )
        )
        session.flush()


def fill(home: Path) -> None:
    """Writes it to registry and lake of the small installation."""
    registry = Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
    with registry.begin() as session:
        _register(session)
    registry.engine.dispose()
    lake = Lake(home / "lake")
    _performance(lake)
    _radio(lake)
    _exceptions(lake)
    _alerts(lake)
    _write(lake, EXCHANGES, _EXCHANGE)


def _write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    lake.append(table, pl.DataFrame([{"organisation": "default", **row} for row in rows], infer_schema_length=None))


def _performance(lake: Lake) -> None:
    """P-2 is not read on two of ten days, and P-3 always; of NEW and OTHER the last day stands already."""
    days = [date(2025, 10, 25) + timedelta(days=number) for number in range(9)]
    common = {"criterion": "daily", "expected": 1, "known_from": KNOWN}
    missed = {days[3], days[4]}
    rows: list[dict[str, object]] = []
    for day in days:
        for meter in (NEW, OTHER, HEAT):
            received = int(meter != OTHER or day not in missed)
            missing = None if received else datetime(day.year, day.month, day.day, tzinfo=UTC)
            rows.append(
                {
                    **common,
                    "meter_id": meter,
                    "day": day,
                    "received": received,
                    "received_on_time": received,
                    "performance": 100.0 * received,
                    "last_missing": missing,
                    "month": f"{day:%Y-%m}",
                }
            )
    hourly = {"criterion": "hourly", "expected": 24, "received": 24, "received_on_time": 24, "performance": 100.0}
    rows += [
        {**hourly, "meter_id": meter, "day": day, "last_missing": None, "known_from": KNOWN, "month": "2025-11"}
        for day in DAYS
        for meter in (NEW, OTHER, HEAT)
    ]
    _write(lake, READING_PERFORMANCE_DAILY, *rows)
    cause = {"meter_id": OTHER, "criterion": "daily", "slots": 1, "known_from": KNOWN}
    _write(
        lake,
        MISSING_CAUSES_DAILY,
        {**cause, "day": days[3], "cause": "no_frame", "collector": "", "month": "2025-10"},
        {**cause, "day": days[4], "cause": "wrong_key", "collector": "C-1", "month": "2025-10"},
        {**cause, "day": DAYS[-1], "cause": "wrong_key", "collector": "C-1", "month": "2025-11"},
    )


def _radio(lake: Lake) -> None:
    """C-1 is silent on the last day; NEW is heard by both collectors, the others by one each."""
    _write(
        lake,
        METER_LINKS,
        *(
            {
                "meter_id": meter,
                "day": day,
                "telegrams": 24,
                "first_heard": datetime(day.year, day.month, day.day, tzinfo=UTC),
                "last_heard": datetime(day.year, day.month, day.day, 22, tzinfo=UTC),
                "transmit_interval_s": 3600.0,
                "redundancy": collectors,
                "known_from": KNOWN,
                "month": "2025-11",
            }
            for day in DAYS
            for meter, collectors in ((NEW, 2), (OTHER, 1), (HEAT, 1))
        ),
    )
    _write(
        lake,
        COLLECTOR_DAILY,
        *(
            {
                "collector": collector,
                "day": day,
                "receptions": 48,
                "meters": 2,
                "first_contact": datetime(day.year, day.month, day.day, tzinfo=UTC),
                "last_contact": datetime(day.year, day.month, day.day, 22, tzinfo=UTC),
                "heard_hours": 2**24 - 1,
                "backlog_p50_s": 40.0,
                "backlog_max_s": 95.0,
                "clock_offset_s": 1.0,
                "known_from": KNOWN,
                "month": "2025-11",
            }
            for collector, days in (("C-0", DAYS), ("C-1", DAYS[:2]))
            for day in days
        ),
    )


def _exceptions(lake: Lake) -> None:
    question = {"register": "volume_m3", "policy_version": 0, "known_from": KNOWN}
    _write(
        lake,
        VEE_EXCEPTIONS,
        {
            **question,
            "meter_id": NEW,
            "metering_point": "P-1",
            "at": JUMP,
            "rule": "V06",
            "reason": "The register rose by 4 m3 in an hour; 2.5 is credible.",
            "state": "open",
            "kind": "HIGHREG",
            "severity": "reject",
            "evidence": '{"rise_m3": 4, "credible_m3": 2.5}',
        },
        {
            **question,
            "meter_id": OTHER,
            "metering_point": "P-2",
            "at": JUMP - timedelta(days=2),
            "rule": "V12",
            "reason": "Expected readings are missing.",
            "state": "open",
            "kind": "GAP",
            "severity": "warn",
            "evidence": None,
        },
        {
            **question,
            "meter_id": HEAT,
            "metering_point": "P-3",
            "register": "*",
            "at": JUMP - timedelta(days=9),
            "rule": "V16",
            "reason": "The return is warmer than the flow.",
            "state": "approved",
            "kind": "TEMP",
            "severity": "warn",
            "evidence": None,
            "reason_code": "checked",
            "decided_at": KNOWN,
            "decided_by": "local:test",
        },
        {
            **question,
            "organisation": "neighbour",
            "meter_id": FOREIGN,
            "metering_point": "P-1",
            "at": JUMP,
            "rule": "V11",
            "reason": "The register stands still.",
            "state": "open",
            "kind": "STUCK",
            "severity": "warn",
            "evidence": None,
        },
    )
    _write(
        lake,
        READINGS,
        *(
            {
                "meter_id": NEW,
                "measured_at": END - timedelta(hours=hours),
                "received_at": END,
                "landed_at": END,
                "volume_m3": 64 - hours // 12,
                "source": "radio",
                "quality": "M",
                "month": f"{END - timedelta(hours=hours):%Y-%m}",
            }
            for hours in range(6, 75, 6)
        ),
    )


def _alerts(lake: Lake) -> None:
    alert = {"register": "volume_m3", "period": "total", "include_estimates": False, "last_reset": None, "resets": 0}
    _write(
        lake,
        CONSUMPTION_ALERTS,
        *(
            {
                **alert,
                "alert_no": number,
                "metering_point": place,
                "limit_value": limit,
                "starts_at": starts,
                "ends_at": ends,
                "changed_at": KNOWN,
                "known_from": KNOWN,
            }
            for number, (place, limit, starts, ends) in enumerate(_ALERTS, start=1)
        ),
    )
    counted = {"alert_no": 1, "metering_point": "P-1", "window_start": FIRST, "known_from": KNOWN}
    _write(
        lake,
        ALERT_EVENTS,
        {
            **counted,
            "meter_id": OLD,
            "register": "volume_m3",
            "limit_value": 10,
            "at": EXCHANGED,
            "used": 12,
            "crossed_at": EXCHANGED - timedelta(hours=3),
            "state": "triggered",
            "retracted_at": None,
        },
    )
    _write(lake, ALERT_USAGE, {**counted, "at": END, "used": 32})
