"""What listens to decisions about readings: alerts, bursts, reading performance and explanations."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from assets.steps.alerts import evaluate_alerts
from assets.steps.deciding import Choice, decide
from assets.steps.leaks import reckon_leaks
from assets.steps.publishing import publish_registry
from assets.steps.touched import touch
from registry import alerts
from registry.alerts import Wanted
from registry.decisions import Subject
from registry.errors import RegistryError
from tests.integration.installations import House
from tests.integration.one_meter import BY, HOUR, JUMP, METER, NOW, START, house, read, reckon, subject, template
from warehouse.policies import read_policy, shipped_document
from warehouse.policies.errors import PolicyError
from warehouse.queries import provenance
from warehouse.schemas import READINGS, VEE_EXCEPTIONS

__all__ = ["house", "template"]


def heard(house: House) -> dict[str, object]:
    """What those say that read readings for themselves: of alert 1, bursts, hours of performance and their causes."""
    evaluate_alerts(house.installation, NOW)
    reckon_leaks(house.installation, NOW)
    day = "criterion = 'hourly' and day = '2025-06-02'"
    return {
        "alert": house.ask("select state, used from alert_events").rows(),
        "bursts": house.ask("select round(rate_lh) as rate_lh from leak_events where kind = 'burst'")[
            "rate_lh"
        ].to_list(),
        "received": house.ask(f"select received from reading_performance_daily where {day}").item(),
        "rejected": house.ask(f"select slots from missing_causes_daily where {day} and cause = 'rejected'").rows(),
    }


def alert(house: House, limit: str, *, include_estimates: bool = False, period: str = "total") -> None:
    wanted = Wanted("P1", "volume_m3", Decimal(limit), START, None, period, include_estimates)
    with house.installation.registry.begin() as session:
        alerts.add(session, house.installation.organisation, wanted, most=9, **BY)
    publish_registry(house.installation)


def boundary(house: House, at: datetime) -> list[tuple[object, ...]]:
    """Readings that a day's start rests on: value, quality, who gave it and why."""
    nothing = pl.DataFrame(schema={"metering_point": pl.String, "first_day": pl.Date, "last_day": pl.Date})
    found = provenance.of_day(
        house.installation.lake, house.installation.organisation, "P1", at.date(), register="volume_m3", erased=nothing
    )
    (figure,) = found["figures"]
    return [
        (row["value"], row["quality"], *(row["decision"][name] for name in ("rule", "decided_by", "reason_code")))
        if row["decision"]
        else (row["value"], row["quality"])
        for side in ("start", "end")
        for row in figure[side]["readings"]
    ]


@pytest.mark.parametrize(
    ("choice", "alerted"),
    [
        (Choice("reject", "meter_fault", "No pulse."), []),
        (Choice("override", "misread", "The photograph shows it.", Decimal("1.3")), []),
        (Choice("approve", "checked", "A pool."), [("triggered", Decimal("20.1"))]),
    ],
    ids=lambda value: value.decision if isinstance(value, Choice) else "",
)
def test_alerts_and_performance_listen_to_decisions(
    house: House, choice: Choice, alerted: list[tuple[object, ...]]
) -> None:
    alert(house, "5")
    read(house, JUMP[:3])
    assert heard(house) == {"alert": [], "bursts": [], "received": 3, "rejected": []}, "the step is not known yet"
    decide(house.installation, subject(house, "V06"), choice, **BY)
    reckon(house)
    counts = choice.decision == "approve"
    assert heard(house) == {
        "alert": alerted,
        "bursts": [],
        "received": 3 if counts else 2,
        "rejected": [] if counts else [(1,)],
    }


def test_an_alert_is_retracted_once_the_reading_is_rejected(house: House) -> None:
    alert(house, "5")
    read(house, JUMP[:3])
    decide(house.installation, subject(house, "V06"), Choice("approve", "checked", "A pool."), **BY)
    reckon(house)
    assert heard(house)["alert"] == [("triggered", Decimal("20.1"))]
    decide(house.installation, subject(house, "V06"), Choice("reject", "meter_fault", "No pulse."), **BY)
    reckon(house)
    assert heard(house)["alert"] == [("retracted", Decimal("20.1"))]


def test_a_rejected_reading_is_no_burst(house: House) -> None:
    read(house, ["1", "1.5", "2", "2.5"], step=HOUR / 4)
    assert heard(house)["bursts"] == [2000]
    last = Subject(METER, "*", START + 3 * HOUR / 4, "V01")
    reject = Choice("reject", "meter_fault", "No pulse.")
    with pytest.raises(RegistryError, match="no exception"):
        decide(house.installation, last, reject, **BY)
    stands = {"metering_point": "P1", "reason": "", "state": "open", "severity": "warn", "known_from": NOW}
    rows = [
        {
            "organisation": house.installation.organisation,
            "meter_id": METER,
            "register": "*",
            "at": START + n * HOUR / 4,
            "rule": "V01",
        }
        | stands
        for n in (2, 3)
    ]
    house.installation.lake.append(VEE_EXCEPTIONS, VEE_EXCEPTIONS.conform(pl.DataFrame(rows)))
    for row in rows:
        decide(house.installation, Subject(METER, "*", row["at"], "V01"), reject, **BY)  # type: ignore[arg-type]
    reckon(house)
    assert heard(house)["bursts"] == []


def test_an_explanation_names_who_gave_a_value_and_leaves_out_what_was_rejected(house: House) -> None:
    midnight = datetime(2025, 6, 2, 22, tzinfo=UTC)
    read(house, ["1", "1.1", "21.1"], start=midnight - 2 * HOUR)
    decide(
        house.installation,
        subject(house, "V06"),
        Choice("override", "misread", "The photograph shows it.", Decimal("1.2")),
        **BY,
    )
    reckon(house)
    given_by = (Decimal("1.2"), "X", "V06", "local:first", "misread")
    assert boundary(house, START)[-1] == given_by
    decide(house.installation, subject(house, "V06"), Choice("reject", "meter_fault", "No pulse."), **BY)
    read(house, ["1.5"], start=midnight + HOUR)
    assert boundary(house, START)[-2:] == [(Decimal("1.1"), "M"), (Decimal("1.5"), "M")]


def test_a_reading_without_the_register_of_its_medium_is_missing(house: House) -> None:
    read(house, ["1", "1.1"])
    at = START + 2 * HOUR
    alone = {
        "organisation": house.installation.organisation,
        "meter_id": METER,
        "measured_at": at,
        "received_at": at,
        "landed_at": at,
        "info_code": 4,
        "source": "radio",
        "quality": "M",
        "month": "2025-06",
    }
    alarm = READINGS.conform(pl.DataFrame([alone]))
    house.installation.lake.append(READINGS, alarm)
    touch(house.installation, alarm, "readings")
    reckon(house)
    assert heard(house)["received"] == 2
    other = shipped_document("performance").replace("registers: {}", "registers: {water: volume}")
    with pytest.raises(PolicyError, match="volume is no register"):
        read_policy("performance", other)
