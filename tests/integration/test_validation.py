"""Validation in an installation: what it questions, what people decide, and what consumption takes."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.steps.deciding import Choice, ManualEntry, add_reading, decide
from assets.steps.touched import touch
from assets.steps.trying import try_policy
from registry import policies
from registry.decisions import Subject
from registry.errors import RegistryError
from registry.models import Customer, ManualReading
from tests.integration.installations import House, copied
from tests.integration.one_meter import (
    BY,
    HOUR,
    JUMP,
    METER,
    NOW,
    REGISTRY,
    START,
    exceptions,
    given,
    hours,
    house,
    read,
    reckon,
    subject,
    template,
)
from warehouse.policies import shipped_document
from warehouse.schemas import READINGS, TABLES, VEE_EXCEPTIONS

__all__ = ["house", "template"]


def test_a_jump_is_unknown_until_somebody_approves_it(house: House) -> None:
    read(house, JUMP)
    assert exceptions(house) == [("V06", "open")]
    assert hours(house) == {0: ("0.1", "M"), 2: ("0.1", "M"), 3: ("0.1", "M")}
    assert decide(house.installation, subject(house, "V06"), Choice("approve", "checked", "A pool."), **BY)
    reckon(house)
    assert exceptions(house, "state", "decided_by", "reason_code") == [("approved", "local:first", "checked")]
    assert hours(house)[1] == ("20", "M")
    assert house.ask("select reason from audit_log where event = 'exception.approve'").rows() == [("A pool.",)]


def test_an_override_is_used_and_the_original_stays(house: House) -> None:
    read(house, JUMP[:3])
    decided = Choice("override", "misread", "The photograph shows it.", Decimal("1.3"))
    decide(house.installation, subject(house, "V06"), decided, **BY)
    reckon(house)
    assert hours(house) == {0: ("0.1", "M"), 1: ("0.2", "X")}
    assert exceptions(house, "state", "value") == [("overridden", Decimal("1.3"))]
    assert house.ask("select volume_m3, quality from readings order by measured_at desc limit 1").rows() == [
        (Decimal("21.1"), "M")
    ]


def test_a_rejected_value_does_not_count(house: House) -> None:
    read(house, ["1", "1.1", "21.1"])
    decide(house.installation, subject(house, "V06"), Choice("reject", "meter_fault", "No pulse."), **BY)
    reckon(house)
    read(house, ["1.3"], start=START + 3 * HOUR)
    assert ("rejected",) in exceptions(house, "state")
    assert hours(house)[1] == ("0.1", "I")


def test_a_finding_whose_cause_is_gone_is_resolved_and_comes_back(house: House) -> None:
    read(house, ["1", "1.1", "21.1"])
    assert exceptions(house) == [("V06", "open")]
    read(house, ["1.3", "1.4"], start=START + 3 * HOUR)  # late data: the jump was a spike
    assert exceptions(house) == [("V06", "resolved")]
    assert hours(house)[0] == ("0.1", "M")


def test_the_order_of_arrival_does_not_matter(house: House, template: Path, tmp_path: Path) -> None:
    read(house, JUMP)
    other = copied(template, tmp_path / "other")
    for number in (4, 2, 0, 3, 1):
        read(other, [JUMP[number]], start=START + number * HOUR)
    standing = [row for row in exceptions(other, "rule", "at", "state", "evidence") if row[2] != "resolved"]
    assert standing == exceptions(house, "rule", "at", "state", "evidence")
    assert hours(other) == hours(house)


def constant(house: House) -> list[tuple[object, ...]]:
    found = exceptions(house, "rule", "at", "severity", "evidence", "state")
    return [row for row in found if row[0] == "V18" and row[-1] == "open"]


def test_a_run_of_equal_hours_is_one_whatever_the_parts_it_comes_in(
    house: House, template: Path, tmp_path: Path
) -> None:
    totals = [round(1 + 0.05 * n, 3) for n in range(98)]
    read(house, totals)
    assert [row[1] for row in constant(house)] == [START]
    other = copied(template, tmp_path / "other")
    for part in (slice(0, 4), slice(3, 50), slice(49, 98)):
        read(other, totals[part], start=START + part.start * HOUR)
    assert constant(other) == constant(house)


def test_a_late_reading_leaves_what_was_found_in_later_days(house: House) -> None:
    uses = [0.03, 0.031, 0.032, 0.033] * 30
    uses[90] = 0.5
    totals = [round(1 + sum(uses[:n]), 3) for n in range(len(uses) + 1)]
    read(house, totals[:5])
    read(house, totals[6:], start=START + 6 * HOUR)
    spikes = "select \"at\", state from vee_exceptions where rule = 'V07'"
    assert house.ask(spikes).rows() == [(START + 90 * HOUR, "open")]
    read(house, [totals[5]], start=START + 5 * HOUR)
    assert house.ask(spikes).rows() == [(START + 90 * HOUR, "open")]


def test_one_reading_that_closes_a_gap_changes_what_is_found_in_all_of_its_days(
    house: House, template: Path, tmp_path: Path
) -> None:
    before = [round(1 + 0.01 * n + (n % 3) * 0.001, 3) for n in range(24 * 3)]
    middle, after = [5.0], [round(30 + 0.01 * n + (n % 3) * 0.001, 3) for n in range(24)]
    gap, end = START + 24 * 3 * HOUR + 60 * HOUR, START + 24 * 8 * HOUR
    told = ("rule", "register", "at", "state", "evidence")

    def open_ones(of: House) -> list[tuple[object, ...]]:
        rows = of.installation.lake.scan(VEE_EXCEPTIONS).filter(pl.col("state") == "open")
        return rows.select(told).sort(told).collect().rows()

    read(house, before)  # type: ignore[arg-type]
    read(house, middle, start=gap)  # type: ignore[arg-type]
    read(house, after, start=end)  # type: ignore[arg-type]
    late = copied(template, tmp_path / "late")
    read(late, before)  # type: ignore[arg-type]
    read(late, after, start=end)  # type: ignore[arg-type]
    assert open_ones(late) != open_ones(house)
    read(late, middle, start=gap)  # type: ignore[arg-type]
    assert open_ones(late) == open_ones(house)


def occupied(house: House, *stays: tuple[datetime | None, datetime | None]) -> None:
    """Who lived at the point from when to when, in place of what the registry said."""
    with house.installation.registry.begin() as session:
        for row in session.query(Customer):
            session.delete(row)
        for since, until in stays:
            session.add(
                Customer(
                    organisation=house.installation.organisation,
                    metering_point="P1",
                    customer_number="1",
                    occupied_from=since,
                    occupied_to=until,
                )
            )


def test_zero_use_where_nobody_lives_is_no_finding(house: House) -> None:
    day, first = timedelta(days=1), START - timedelta(days=40, hours=2)
    totals: list[str | float] = [round(1 + 0.1 * min(n, 20), 1) for n in range(60)]

    def found() -> list[datetime]:
        read(house, totals, start=first, step=day)
        touch(house.installation, house.installation.lake.scan(READINGS).collect(), "readings")
        reckon(house)
        rows = house.ask("select \"at\" from vee_exceptions where rule = 'V10' and state = 'open'")
        return rows["at"].to_list()

    reached = first + 49 * day
    assert found() == [reached], "who lives there is not known to have moved out"
    occupied(house, (None, first + 20 * day))
    assert found() == []
    occupied(house, (None, first + 20 * day), (first + 20 * day, None))
    assert found() == [reached], "somebody else moved in at once"
    occupied(house, (None, first + 20 * day), (first + 25 * day, None))
    assert found() == [first + 55 * day], "thirty days since somebody lives there again"
    occupied(house, (first, None))
    assert found() == [reached]
    occupied(house, (None, first + 20 * day))
    read(house, totals[-1:], start=first + 60 * day)
    assert house.ask("select state from vee_exceptions where rule = 'V10'")["state"].unique().to_list() == ["resolved"]
    columns = " ".join(name for table in TABLES.values() for name in table.schema.names())
    assert "occup" not in columns, "who lives where stays in the registry"


def heard_with_clock(house: House, cells: list[tuple[datetime, float]]) -> None:
    """Readings whose clock is so many minutes ahead, and what is found once they are there."""
    rows = [
        {
            "organisation": house.installation.organisation,
            "meter_id": METER,
            "measured_at": at,
            "received_at": at,
            "landed_at": at,
            "device_time": (at + timedelta(hours=2, minutes=ahead)).replace(tzinfo=None),  # summer time
            "volume_m3": 1 + (at - START).total_seconds() / 360_000,
            "source": "radio",
            "quality": "M",
            "month": f"{at:%Y-%m}",
        }
        for at, ahead in cells
    ]
    fresh = READINGS.conform(pl.DataFrame(rows))
    house.installation.lake.append(READINGS, fresh)
    touch(house.installation, fresh, "readings")
    reckon(house)


def test_clocks_are_judged_by_the_days_before_in_whatever_order_they_come(
    house: House, template: Path, tmp_path: Path
) -> None:
    cells = [(START + timedelta(days=n), 0.18 * n) for n in range(14)]
    cells += [(START + timedelta(days=14), 16.0)]
    told = 'select kind, "at", state, metering_point, evidence from vee_exceptions where rule = \'V04\' order by "at"'
    heard_with_clock(house, cells)
    found = house.ask(told).rows()
    day = START - timedelta(hours=2)
    assert [row[:4] for row in found] == [
        ("CLOCK_SLOPE", day + timedelta(days=6), "open", "P1"),
        ("CLOCK_DRIFT", day + timedelta(days=12), "open", "P1"),
        ("CLOCK", START + timedelta(days=14), "open", "P1"),
    ]
    other = copied(template, tmp_path / "other")
    heard_with_clock(other, cells[8:])
    heard_with_clock(other, [*cells[:2], *cells[3:8]])
    heard_with_clock(other, cells[2:3])
    assert [row for row in other.ask(told).rows() if row[2] == "open"] == found
    heard_with_clock(house, [(START + timedelta(hours=1), 0.0)])
    assert house.ask(told).rows() == found, "judged again, the same"


def test_hours_are_judged_by_such_hours_where_the_policy_wants_it(house: House) -> None:
    uses = [0.02 + 0.001 * ((7 * n) % 5) + (0.2 if n % 24 > 6 else 0) for n in range(24 * 29)]
    uses[-20] = 0.2
    totals: list[str | float] = [round(1 + sum(uses[:n]), 3) for n in range(len(uses) + 1)]
    read(house, totals, start=START - timedelta(days=28, hours=2))
    told = "select \"at\" from vee_exceptions where rule = 'V23' and state = 'open'"
    hour = START + timedelta(hours=2)
    assert hour not in house.ask(told)["at"].to_list()
    by_hour = "overrides: [{medium: water, rules: {V23: {parameters: {by_hour: 1}}}}]\n"
    decide_policy(house, "validation", shipped_document("validation") + by_hour)
    read(house, totals[-2:], start=START + timedelta(hours=21))
    assert house.ask(told)["at"].to_list() == [hour]


def decide_policy(house: House, kind: str, document: str) -> None:
    with house.installation.registry.begin() as session:
        organisation = house.installation.organisation
        policies.decide(session, organisation, kind, document, reason="Rates.", untried=True, **BY)


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("model: MC21", ["V06"]),
        ("model: MC21 DN40", []),
        ("medium: water", ["V06"]),
        ("device: KAM-1b-16", ["V06"]),
        ("device: KAM-1b-06", []),
        ("group: Small", []),
    ],
)
def test_the_same_jump_is_rejected_at_a_small_meter_and_accepted_at_a_large_one(
    house: House, scope: str, found: list[str]
) -> None:
    document = shipped_document("consumption").replace(
        "rates: []", f"rates: [{{{scope}, largest_rates: {{volume_m3: 3.125}}}}]"
    )
    decide_policy(house, "consumption", document)
    read(house, ["1", "1.1", "6.1", "6.2", "6.3"])  # 5 m3 in an hour: a DN 40 may, a DN 15 cannot
    assert [rule for (rule,) in exceptions(house, "rule")] == found
    assert (1 in hours(house)) is not bool(found)


def test_falls_are_judged_by_the_same_rates(house: House) -> None:
    spike = ["10", "10.1", "2", "15.1", "15.2"]  # five cubic metres while the register was not read
    read(house, spike)
    assert house.ask("select kind from register_events")["kind"].to_list() == ["SPIKE_DOWN"]
    small = "rates: [{model: MC21, largest_rates: {volume_m3: 1}}]"
    decide_policy(house, "consumption", shipped_document("consumption").replace("rates: []", small))
    touch(house.installation, house.installation.lake.scan(READINGS).collect(), "readings")
    reckon(house)
    assert "SPIKE_DOWN" not in house.ask("select kind from register_events")["kind"].to_list()


def test_rates_are_learned_from_what_a_meter_measured(house: House) -> None:
    learning = "learned_rates: {share: 0.999, times: 10, least_hours: 48, history_d: 30}\nrates: []"
    decide_policy(house, "consumption", shipped_document("consumption").replace("rates: []", learning))
    steady = [round(1 + 0.1 * n, 1) for n in range(24 * 5 + 1)]
    read(house, steady[:20])  # type: ignore[arg-type]
    read(house, steady[19:], start=START + 19 * HOUR)  # type: ignore[arg-type]
    assert [row for row in exceptions(house, "rule") if row == ("V06",)] == []
    jump = START + 24 * 5 * HOUR
    read(house, [steady[-1], steady[-1] + 2, steady[-1] + 2.1], start=jump)  # 2 m3 in an hour, twenty times the usual
    assert [row for row in exceptions(house, "rule", "at") if row[0] == "V06"] == [("V06", jump + HOUR)]


def test_judging_again_changes_nothing(house: House) -> None:
    read(house, JUMP)
    versions = [len(house.installation.lake.files(VEE_EXCEPTIONS)), exceptions(house, *VEE_EXCEPTIONS.schema.names())]
    read(house, JUMP)
    reckon(house, NOW + HOUR)
    assert versions == [
        len(house.installation.lake.files(VEE_EXCEPTIONS)),
        exceptions(house, *VEE_EXCEPTIONS.schema.names()),
    ]


def test_a_reset_is_unknown_until_it_is_approved(house: House) -> None:
    read(house, ["90", "90.1", "0.2", "0.3"])
    assert exceptions(house, "rule", "kind", "state") == [("V05", "RESET", "open")]
    assert 1 not in hours(house)
    decide(house.installation, subject(house, "V05"), Choice("approve", "meter_work", "Reset by the fitter."), **BY)
    reckon(house)
    assert hours(house)[1] == ("0.2", "M")


def test_values_are_edited_upwards_unless_somebody_insists(house: House) -> None:
    read(house, ["1", "1.1", "1.2"])
    row = VEE_EXCEPTIONS.conform(
        pl.DataFrame(
            [
                {
                    "organisation": house.installation.organisation,
                    "meter_id": METER,
                    "metering_point": "P1",
                    "register": "volume_m3",
                    "at": START + HOUR,
                    "rule": "V23",
                    "reason": "",
                    "state": "open",
                    "severity": "warn",
                    "known_from": NOW,
                }
            ]
        )
    )
    house.installation.lake.append(VEE_EXCEPTIONS, row)
    about = Subject(METER, "volume_m3", START + HOUR, "V23")
    with pytest.raises(RegistryError, match="better than an edited one"):
        decide(house.installation, about, Choice("override", "misread", "Why not.", Decimal("1.15")), **BY)
    insisted = Choice("override", "misread", "The customer's photograph.", Decimal("1.15"), forced=True)
    assert decide(house.installation, about, insisted, **BY)
    reckon(house)
    assert hours(house) == {0: ("0.15", "X"), 1: ("0.05", "X")}


def test_four_eyes_see_more(house: House) -> None:
    document = shipped_document("validation").replace("four_eyes: false", "four_eyes: true")
    with house.installation.registry.begin() as session:
        policies.decide(
            session, house.installation.organisation, "validation", document, reason="Audit.", untried=True, **BY
        )
    read(house, JUMP)
    choice = Choice("approve", "checked", "A pool.")
    assert not decide(house.installation, subject(house, "V06"), choice, **BY)
    reckon(house)
    assert exceptions(house) == [("V06", "open")]
    with pytest.raises(RegistryError, match="second person"):
        decide(house.installation, subject(house, "V06"), choice, **BY)
    assert decide(house.installation, subject(house, "V06"), choice, identity="local:second", now=NOW)
    reckon(house)
    assert exceptions(house, "state", "decided_by", "policy_version") == [("approved", "local:second", 1)]


def test_a_reading_by_hand_closes_a_gap_and_is_validated(house: House) -> None:
    read(house, ["1", "1.1"])
    entry = ManualEntry(METER, START + 40 * HOUR, {"volume_m3": Decimal("2")}, "reader 7", "photo-1.jpg")
    add_reading(house.installation, entry, **BY)
    reckon(house)
    assert house.ask("select source, quality from readings order by measured_at desc limit 1").rows() == [
        ("manual", "M")
    ]
    assert sum(Decimal(value) for value, _ in hours(house).values()) == 1
    with house.installation.registry.begin(readonly=True) as session:
        assert [(row.reader, row.photo) for row in session.query(ManualReading)] == [("reader 7", "photo-1.jpg")]
    assert "reader 7" not in house.ask("select * from audit_log").write_csv()
    with pytest.raises(RegistryError, match="already"):
        add_reading(house.installation, entry, **BY)
    with pytest.raises(RegistryError, match="future"):
        add_reading(house.installation, ManualEntry(METER, NOW + HOUR, entry.registers, "reader 7"), **BY)
    wrong = ManualEntry(METER, START + 41 * HOUR, {"volume_m3": Decimal("900")}, "reader 7")
    add_reading(house.installation, wrong, **BY)
    reckon(house)
    assert ("V06", "open") in exceptions(house)


def test_a_meter_in_stock_that_counts(house: House) -> None:
    given(house, "meters", REGISTRY["meters"] + "KAM,00000002,1b,16,MC21,water,\n")
    lines = [f"KAM,00000002,{(START + n * HOUR).isoformat()},{value}" for n, value in enumerate(("5", "5.5"))]
    given(house, "readings", "\n".join(["manufacturer,serial,measured_at,volume_m3", *lines]) + "\n")
    reckon(house)
    assert ("V20", "KAM-00000002-1b-16") in exceptions(house, "rule", "meter_id")
    assert hours(house) == {}


def test_days_are_judged_by_those_before_them(house: House) -> None:
    uses = [0.10, 0.12, 0.11, 0.13, 0.2, 0.3, 0.3] * 4 + [0.5]
    totals = [round(1 + sum(uses[:n]), 3) for n in range(len(uses) + 1)]
    read(house, totals, start=START - timedelta(days=28, hours=2), step=timedelta(days=1))
    found = [row for row in exceptions(house, "rule", "at", "severity") if row[0] == "V23"]
    assert [row[1] for row in found] == [START - 2 * HOUR]


def test_long_rests_are_found_whatever_the_parts_they_come_in(house: House, template: Path, tmp_path: Path) -> None:
    start, day = START - timedelta(days=74, hours=2), timedelta(days=1)
    totals = [round(1 + 0.2 * min(n, 32), 1) for n in range(32 + 42)]
    read(house, totals, start=start, step=day)
    expected = exceptions(house, "rule", "at", "reason")
    assert {rule for rule, *_ in expected} >= {"V10", "V11"}
    by_parts = copied(template, tmp_path / "parts")
    for first, last in ((0, 34), (34, 36), (36, 61), (61, 62), (62, 70), (70, 74)):
        read(by_parts, totals[first:last], start=start + first * day, step=day)
    assert exceptions(by_parts, "rule", "at", "reason") == expected


def test_a_holiday_is_compared_with_sundays(house: House) -> None:
    document = shipped_document("estimation").replace("holidays: []", "holidays: [2025-06-01, 2025-06-02]")
    with house.installation.registry.begin() as session:
        policies.decide(session, house.installation.organisation, "estimation", document, reason="Whitsun.", **BY)
    uses = [0.10, 0.12, 0.11, 0.13, 0.2, 0.3, 0.3] * 4 + [0.3]  # the last is a Monday
    totals = [round(1 + sum(uses[:n]), 3) for n in range(len(uses) + 1)]
    read(house, totals, start=START - timedelta(days=28, hours=2), step=timedelta(days=1))
    assert [row for row in exceptions(house, "rule", "at") if row[0] == "V23"] == []


def test_a_dry_run_tells_the_difference_and_writes_nothing(house: House) -> None:
    read(house, JUMP)
    before = exceptions(house, *VEE_EXCEPTIONS.schema.names())
    lenient = shipped_document("validation").replace("margin_ratio: 1.25", "margin_ratio: 10")
    lenient = lenient.replace(
        "V12: {severity: pass, parameters: {intervals: 1.5}}",
        "V12: {enabled: false, severity: warn, parameters: {intervals: 1.5}}",
    )
    days = (date(2025, 6, 1), date(2025, 6, 3))
    organisation = house.installation.organisation
    with house.installation.registry.begin() as session, pytest.raises(RegistryError, match="dry-run"):
        policies.decide(session, organisation, "validation", lenient, reason="Pools.", **BY)
    counts = try_policy(house.installation, lenient, *days, **BY)
    told = counts.filter(pl.sum_horizontal("new", "vanished", "unchanged", "changed") > 0)
    assert told.rows() == [("V06", "HIGHREG", 0, 1, 0, 0)]
    assert exceptions(house, *VEE_EXCEPTIONS.schema.names()) == before
    with house.installation.registry.begin() as session:
        assert policies.decide(session, organisation, "validation", lenient, reason="Pools.", **BY) == 1
    same = try_policy(house.installation, lenient, *days, **BY)
    assert same["unchanged"].sum() == 0
    stricter = try_policy(house.installation, shipped_document("validation"), *days, **BY)
    assert stricter.filter(pl.col("new") > 0).rows() == [("V06", "HIGHREG", 1, 0, 0, 0)]


def test_readings_never_change(house: House) -> None:
    read(house, JUMP)
    before = house.installation.lake.scan(READINGS).collect()
    decide(house.installation, subject(house, "V06"), Choice("reject", "other", "It leaks."), **BY)
    reckon(house)
    assert house.installation.lake.scan(READINGS).collect().equals(before)
