import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from registry.addresses import AddressRegister, look_up
from simulator import Fleet, SimulatorError, Summary, describe, simulate
from simulator.calendar import midnights
from tests.unit.simulator import frames

WEEK = Fleet(meters=60, days=7)
CLEAN = Fleet(meters=25, days=1, incidents=False)
VOLUME_RECORDS = {"0413": 1000, "0C13": 1000, "0414": 100, "0415": 10}
REJECTED = "rejected_row"

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("week")
    return folder, simulate(WEEK, folder)


def truth(folder: Path, name: str) -> Rows:
    return frames.table(folder / "truth" / f"{name}.csv")


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_equal_parameters_give_identical_files(tmp_path: Path, week: tuple[Path, Summary]) -> None:
    simulate(WEEK, tmp_path)
    assert digest(tmp_path) == digest(week[0])


def test_another_seed_gives_other_frames(tmp_path: Path) -> None:
    simulate(CLEAN, tmp_path / "one")
    simulate(replace(CLEAN, seed=2), tmp_path / "two")
    one, two = digest(tmp_path / "one"), digest(tmp_path / "two")
    assert one.keys() == two.keys()
    assert one["meters.csv"] != two["meters.csv"]


def test_every_line_has_one_outcome(week: tuple[Path, Summary]) -> None:
    folder, summary = week
    outcomes = {(row["source_file"], int(row["source_line"])) for row in truth(folder, "outcomes")}
    written = set()
    for path in folder.glob("frames*/*"):
        first = 1 if path.suffix == ".txt" else 2
        count = len(frames.content(path).splitlines())
        written |= {(f"{path.parent.name}/{path.name}", line) for line in range(first, count + 1)}
    assert outcomes == written
    assert len(written) == sum(summary.outcomes.values()) == summary.receptions + summary.bad_lines


def test_summary_counts_what_the_truth_lists(week: tuple[Path, Summary]) -> None:
    folder, summary = week
    assert Counter(row["outcome"] for row in truth(folder, "outcomes")) == summary.outcomes
    assert Counter(row["outcome_before_keys"] for row in truth(folder, "outcomes")) == summary.outcomes_before_keys
    assert summary.outcomes.keys() == {"decoded", "corrupt", "foreign", "wrong_key", REJECTED}
    assert (
        summary.outcomes_before_keys["no_key"] == summary.outcomes["decoded"] - summary.outcomes_before_keys["decoded"]
    )
    stored = json.loads((folder / "truth" / "summary.json").read_text(encoding="utf-8"))
    assert stored["outcomes"] == summary.outcomes
    assert str(summary.receptions) in describe(summary)


def test_all_incidents_of_the_list_happen(week: tuple[Path, Summary]) -> None:
    expected = {"exchange", "info_code", "rollover", "reset", "reverse_flow", "silence", "repeater", "late_key"}
    expected |= {"wrong_key", "foreign", "late_delivery", "deaf_concentrator", "high_return", "hunting"}
    assert week[1].incidents.keys() == expected
    assert week[1].late_receptions > 0


def test_bad_lines_are_no_frames(week: tuple[Path, Summary]) -> None:
    folder, _ = week
    rejected = {
        (row["source_file"], int(row["source_line"])) for row in truth(folder, "outcomes") if row["outcome"] == REJECTED
    }
    bad = {line.source for line in frames.lines(folder) if len(line.telegram) < 11 or not line.received_at}
    assert rejected == bad


def test_outcomes_are_what_the_bytes_say(week: tuple[Path, Summary]) -> None:
    """Damage breaks a check, a good frame keeps all of them, a neighbour is not listed."""
    folder, _ = week
    listed = keys(folder)
    outcomes = {(row["source_file"], int(row["source_line"])): row for row in truth(folder, "outcomes")}
    seen: Counter[tuple[str, str]] = Counter()
    for line in frames.lines(folder):
        row = outcomes[line.source]
        outcome, meter = row["outcome"], row["meter_id"]
        if outcome == REJECTED:
            continue
        assert (meter in listed) == (outcome != "foreign") or outcome == "corrupt"
        if "concentrator-2" in line.source[0]:
            assert frames.is_format_a(line.frame) == (outcome != "corrupt"), row
            seen["A", outcome] += 1
        elif line.telegram[10] == 0x8D and meter in listed:
            assert frames.is_ell(line.telegram, listed[meter]) == (outcome == "decoded"), row
            seen["payload", outcome] += 1
    assert seen["A", "corrupt"] > 5
    assert seen["payload", "corrupt"] > 5
    assert seen["payload", "decoded"] > 1000


def test_a_wrong_key_decrypts_nothing_and_a_late_one_is_not_listed_at_first(week: tuple[Path, Summary]) -> None:
    folder, _ = week
    states = {row["meter_id"]: row["key_state"] for row in truth(folder, "telegrams")}
    outcomes = {(row["source_file"], int(row["source_line"])): row for row in truth(folder, "outcomes")}
    listed = keys(folder)
    wrong = [line for line in frames.lines(folder) if outcomes[line.source]["outcome"] == "wrong_key"]
    assert wrong
    for line in wrong:
        meter = outcomes[line.source]["meter_id"]
        plain = frames.decrypt(line.telegram, listed[meter]) if line.telegram[10] != 0x8D else b""
        assert not plain.startswith(b"\x2f\x2f")
    missing = {row["serial"] for row in frames.table(folder / "meters.csv") if not row["key"]}
    late = {meter.split("-")[1] for meter, state in states.items() if state == "late"}
    assert late == {row["serial"] for row in frames.table(folder / "keys_late.csv")}
    assert late < missing


def keys(folder: Path) -> dict[str, bytes]:
    """Keys by meter as the utility has them in the end."""
    rows = frames.table(folder / "meters.csv") + frames.table(folder / "keys_late.csv")
    return {
        "-".join((row["manufacturer"], row["serial"], row["version"], row["device_type"])): bytes.fromhex(row["key"])
        for row in rows
    }


def volumes(folder: Path) -> dict[str, dict[int, Fraction]]:
    """Volume readings in m³ by meter and time, from the full frames and uncompressed telegrams of the files."""
    known = keys(folder)
    outcomes = {(row["source_file"], int(row["source_line"])): row for row in truth(folder, "outcomes")}
    found: dict[str, dict[bytes, tuple[int, Fraction]]] = defaultdict(dict)
    for line in (*frames.lines(folder), *frames.receiver_lines(folder, ZoneInfo(WEEK.timezone))):
        row = outcomes[line.source]
        if row["outcome"] != "decoded":
            continue
        plain = frames.decrypt(line.telegram, known[row["meter_id"]])
        if line.telegram[10] == 0x8D:
            # The volume stands second in the water layouts and fourth in the heat layouts, compact frames included.
            if plain[0] == 0x79:
                is_water = line.telegram[9] == 0x16
                data = plain[5:][2:6] if is_water else plain[5:][12:16]
                scale = 1000 if is_water else 10 if line.telegram[8] == 0x19 else 100
                value = Fraction(int.from_bytes(data, "little"), scale)
            else:
                value = volume(frames.records(plain[1:]))
        else:
            assert line.telegram[10] == 0x7A or line.telegram[10] == 0x72
            value = volume(frames.records(plain))
        # Bit 1 of the communication control field is a repeater's: not part of what makes a transmission the same.
        same = line.telegram[:11] + line.telegram[12:]
        at_ms = frames.to_ms(line.received_at)
        found[row["meter_id"]][same] = min(found[row["meter_id"]].get(same, (at_ms, value)), (at_ms, value))
    return {meter: dict(sorted(readings.values())) for meter, readings in found.items()}


def volume(found: dict[str, bytes]) -> Fraction:
    record = next(name for name in VOLUME_RECORDS if name in found)
    data = found[record][::-1]
    return Fraction(int(data.hex()) if record == "0C13" else int.from_bytes(data, "big"), VOLUME_RECORDS[record])


def test_daily_consumption_follows_from_the_delivered_frames(week: tuple[Path, Summary]) -> None:
    """§2.1 once more, in fractions, from decrypted files."""
    folder, _ = week
    days = midnights(WEEK.start, WEEK.days, ZoneInfo(WEEK.timezone))
    readings = volumes(folder)
    meters = {row["metering_point"]: row for row in frames.table(folder / "customers.csv")}
    by_serial = {meter.split("-")[1]: meter for meter in readings}
    disturbed = {row["subject"] for row in truth(folder, "incidents") if row["incident"] in ("rollover", "exchange")}
    checked = 0
    for row in truth(folder, "consumption_daily"):
        meter = by_serial.get(meters[row["metering_point"]]["serial"])
        if row["register"] != "volume_m3" or meter is None or {meter, row["metering_point"]} & disturbed:
            continue
        if row["event"] == "RESET":
            assert not row["consumption_expected"]
            continue
        number = (date.fromisoformat(row["day"]) - WEEK.start).days
        resolution = Fraction(1, 10 ** -int(Decimal(row["consumption_true"]).as_tuple().exponent))
        values = [boundary(readings[meter], days[number + step], resolution) for step in (0, 1)]
        if None in values:
            assert not row["consumption_expected"], row
            continue
        start, end = (value or Fraction(0) for value in values)
        assert Fraction(row["consumption_expected"]) == end - start, row
        checked += 1
    assert checked > 300


def boundary(readings: dict[int, Fraction], at_ms: int, resolution: Fraction) -> Fraction | None:
    before = max((instant for instant in readings if instant <= at_ms), default=None)
    after = min((instant for instant in readings if instant >= at_ms), default=None)
    if before is None or after is None:
        return None
    share = Fraction(at_ms - before, after - before) if after > before else Fraction(0)
    exact = readings[before] + (readings[after] - readings[before]) * share
    return floor(exact / resolution + Fraction(1, 2)) * resolution


def test_measured_days_agree_with_what_flowed(week: tuple[Path, Summary]) -> None:
    rows = [row for row in truth(week[0], "consumption_daily") if row["both_boundaries_within_hour"] == "true"]
    assert len(rows) > 500
    for row in rows:
        if row["event"] == "RESET":
            assert not row["consumption_expected"]
            continue
        true, expected = Decimal(row["consumption_true"]), Decimal(row["consumption_expected"])
        resolution = Decimal(1).scaleb(int(true.as_tuple().exponent))
        if row["register"].startswith("volume_temp"):
            resolution *= 10
        allowed = 0 if row["both_boundaries_exact"] == "true" else 2 * resolution
        assert abs(true - expected) <= allowed, row


def test_weighted_volumes_fit_the_volume(week: tuple[Path, Summary]) -> None:
    """E8 and E9 over V1 are temperatures, whatever the volume's resolution (ALGORITHMS §7.1)."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    sensor_error = {row["subject"] for row in truth(week[0], "incidents") if row["detail"].startswith("SENSOR")}
    broken = {meter.split("-")[1] for meter in sensor_error}
    whole = {row["metering_point"] for row in frames.table(week[0] / "customers.csv") if row["serial"] not in broken}
    for row in truth(week[0], "consumption_daily"):
        if row["metering_point"] in whole:
            sums[row["metering_point"], row["register"]] += Decimal(row["consumption_true"])
    warm = {row["subject"].split("-")[1] for row in truth(week[0], "incidents") if row["incident"] == "high_return"}
    poor = {row["metering_point"] for row in frames.table(week[0] / "customers.csv") if row["serial"] in warm}
    points = [point for point, register in sums if register == "volume_temp_flow_m3c"]
    assert len(points) > 10
    for point in points:
        volume_m3 = sums[point, "volume_m3"]
        assert 55 < sums[point, "volume_temp_flow_m3c"] / volume_m3 < 85
        assert 20 < sums[point, "volume_temp_return_m3c"] / volume_m3 < (75 if point in poor else 50)
        assert sums[point, "energy_kwh"] > 0


def test_some_days_are_read_exactly_at_midnight(week: tuple[Path, Summary]) -> None:
    exact = Counter(row["both_boundaries_exact"] for row in truth(week[0], "consumption_daily"))
    assert min(exact["true"], exact["false"]) > 100


def test_hours_sum_up_to_days(week: tuple[Path, Summary]) -> None:
    days = midnights(WEEK.start, WEEK.days, ZoneInfo(WEEK.timezone))
    sums: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    expected: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for row in truth(week[0], "consumption_hourly"):
        number = sum(start <= frames.to_ms(row["period_start"]) for start in days) - 1
        key = row["metering_point"], row["register"], number
        sums[key] += Decimal(row["consumption_true"])
        expected[key].append(row["consumption_expected"])
    assert len(expected["MP000001", "volume_m3", 6]) == 25
    compared = 0
    for row in truth(week[0], "consumption_daily"):
        key = row["metering_point"], row["register"], (date.fromisoformat(row["day"]) - WEEK.start).days
        if key in sums:
            assert sums[key] == Decimal(row["consumption_true"])
            if all(expected[key]):
                assert sum(map(Decimal, expected[key])) == Decimal(row["consumption_expected"])
                compared += 1
    assert compared > 20


def test_performance_knows_the_long_day(week: tuple[Path, Summary]) -> None:
    rows = [row for row in truth(week[0], "performance_daily") if row["criterion"] == "hourly"]
    slots = {(row["day"], int(row["expected"])) for row in rows}
    assert ("2025-10-26", 25) in slots
    assert ("2025-10-25", 24) in slots
    assert all(0 <= int(row["received"]) <= int(row["expected"]) for row in rows)
    assert any(row["received"] == "0" and row["expected"] == "24" for row in rows), "a meter with a wrong key"


def test_performance_is_the_count_of_hours_with_a_reading(week: tuple[Path, Summary]) -> None:
    folder, _ = week
    days = midnights(WEEK.start, WEEK.days, ZoneInfo(WEEK.timezone))
    readings = volumes(folder)
    gone = {row["old_serial"] for row in frames.table(folder / "exchanges.csv")}
    gone |= {row["new_serial"] for row in frames.table(folder / "exchanges.csv")}
    wrong = []
    for row in truth(folder, "performance_daily"):
        if row["criterion"] != "hourly" or row["meter_id"].split("-")[1] in gone or row["meter_id"] not in readings:
            continue
        number = (date.fromisoformat(row["day"]) - WEEK.start).days
        inside = {at // 3_600_000 for at in readings[row["meter_id"]] if days[number] <= at < days[number + 1]}
        if len(inside) != int(row["received"]):
            wrong.append(row)
    assert wrong == []


def test_spring_day_has_23_hours(tmp_path: Path) -> None:
    simulate(Fleet(meters=4, days=2, start=date(2025, 3, 29), incidents=False), tmp_path)
    slots = {
        (row["day"], row["expected"], row["received"])
        for row in truth(tmp_path, "performance_daily")
        if row["criterion"] == "hourly"
    }
    assert slots == {("2025-03-29", "24", "24"), ("2025-03-30", "23", "23")}


def test_clean_traffic_is_all_decoded(tmp_path: Path) -> None:
    summary = simulate(CLEAN, tmp_path)
    assert summary.outcomes == {"decoded": summary.receptions}
    assert summary.incidents == {}
    assert not (tmp_path / "frames_late").exists()
    assert summary.transmissions >= CLEAN.meters * 24
    known = keys(tmp_path)
    assert sum(not key for key in known.values()) == 1, "the unencrypted meter has none"


def test_info_codes_clear_at_the_first_reading_without_them(week: tuple[Path, Summary]) -> None:
    rows = {row["code"]: row for row in truth(week[0], "info_codes")}
    assert rows["LEAK"]["first_seen"] < rows["LEAK"]["last_seen"] < rows["LEAK"]["cleared_at"]
    assert rows["DRY"]["cleared_at"] == ""


def test_a_registers_roll_over_does_not_show_in_consumption(week: tuple[Path, Summary]) -> None:
    folder, _ = week
    meter = next(row["subject"] for row in truth(folder, "incidents") if row["incident"] == "rollover")
    serial = meter.split("-")[1]
    point = next(row["metering_point"] for row in frames.table(folder / "customers.csv") if row["serial"] == serial)
    rows = [row for row in truth(folder, "consumption_daily") if row["metering_point"] == point]
    rows = [row for row in rows if row["register"] == "volume_m3"]
    assert any(Decimal(row["register_end_true"]) < Decimal(row["register_start_true"]) for row in rows)
    assert all(0 <= Decimal(row["consumption_expected"]) < 100 for row in rows)


def test_parameters_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SimulatorError, match="at least 1"):
        Fleet(meters=0)
    with pytest.raises(SimulatorError, match="interval_s"):
        Fleet(interval_s=5)


def test_a_check_of_the_addresses_finds_one_of_each_state(week: tuple[Path, Summary], tmp_path: Path) -> None:
    columns = ["address", "postal_code", "city"]
    places = pl.read_csv(week[0] / "customers.csv", infer_schema=False)
    found = look_up(AddressRegister.load(week[0] / "addresses.csv"), places.select(columns))
    pinned = places["latitude"].is_not_null()
    assert found.filter(~pinned)["coordinate_status"].to_list() == ["ok", "not_found", "no_place", "alternatives"]
    assert set(found.filter(pinned)["coordinate_status"]) == {"ok"}
    simulate(Fleet(meters=5, days=1, incidents=False), tmp_path)
    assert all(row["latitude"] for row in frames.table(tmp_path / "customers.csv"))
