"""Heating years through the steps: temperatures come, signatures and faults follow, reviews and erasure hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.steps.erasing import erase
from assets.steps.heating import reckon_heating
from assets.steps.importing import ImportOptions, import_file
from cli.main import app
from registry.erasures import Request
from registry.errors import RegistryError
from simulator.substations import Seasons, Substations, draw_seasons
from tests.integration.installations import House, new_house
from tests.unit.warehouse.transforms.test_heat_faults import heat_days
from warehouse.policies import WeatherPolicy
from warehouse.queries import heat_faults, weather
from warehouse.schemas import (
    CONSUMPTION_MONTHLY,
    ENERGY_SIGNATURES,
    HEAT_DAILY,
    HEAT_FAULTS,
    METERING_POINTS,
    OUTDOOR_TEMPERATURES,
    REGISTER,
)

FLEET = Substations(points=40, days=640, faults=1)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def seasons() -> Seasons:
    return draw_seasons(FLEET)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, seasons: Seasons) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("heating")
    patch = pytest.MonkeyPatch()
    for name in ("METERHOUSE_HOME", "DAGSTER_HOME", "METERHOUSE_MASTER_KEY_FILE"):
        patch.setenv(name, "")
    known = new_house(folder)
    fill(known, seasons)
    yield known
    patch.undo()


def fill(house: House, seasons: Seasons, *, days_first: bool = True) -> None:
    """Days and temperatures, with a run after each."""
    installation = house.installation

    def days() -> None:
        rows = heat_days(seasons.days).with_columns(
            organisation=pl.lit(installation.organisation), known_from=pl.lit(NOW)
        )
        installation.lake.append(HEAT_DAILY, rows)

    def temperatures() -> None:
        assert take(house, seasons.weather.write_csv(), NOW).added == FLEET.days

    for step in (days, temperatures) if days_first else (temperatures, days):
        step()
        reckon_heating(installation, NOW)


def take(house: House, text: str, now: datetime, *, partial: bool = False):  # type: ignore[no-untyped-def]
    file = house.installation.settings.home.parent / "temperatures.csv"
    file.write_text(text)
    return import_file(
        house.installation, "temperatures", file, identity="local:test", now=now, options=ImportOptions(partial=partial)
    )


def rows(house: House, name: str) -> pl.DataFrame:
    tables = {table.name: table for table in (ENERGY_SIGNATURES, HEAT_FAULTS, OUTDOOR_TEMPERATURES)}
    return house.installation.lake.scan(tables[name]).collect().sort(tables[name].key)


def test_seeded_faults_lead_the_report(house: House, seasons: Seasons) -> None:
    installation = house.installation
    found = heat_faults.report(installation.lake, installation.organisation, at=datetime(2026, 3, 1, tzinfo=UTC))
    seeded = set(seasons.truth.drop_nulls("fault")["metering_point"])
    leaders = found["metering_point"].unique(maintain_order=True).head(len(seeded))
    assert set(leaders) == seeded
    assert found["rank"].to_list() == list(range(1, found.height + 1))


def test_signatures_of_both_years_stand_and_serve_estimates(house: House, seasons: Seasons) -> None:
    lake, organisation = house.installation.lake, house.installation.organisation
    signatures = rows(house, "energy_signatures")
    assert signatures.height == 2 * 4 * FLEET.points
    evidence = weather.signatures(lake, organisation).join(seasons.truth, on="metering_point")
    sound = evidence.filter(pl.col("fault").is_null())
    assert sound.height == FLEET.points - 6
    assert sound.select((pl.col("a_kw_per_k") / pl.col("slope") - 1).abs().median()).item() < 0.05
    temperatures = weather.temperatures(lake, organisation, house.installation.policy(WeatherPolicy))
    assert temperatures.columns == ["day", "temperature_c"]
    assert temperatures.height == FLEET.days


def test_a_run_without_news_changes_nothing(house: House) -> None:
    before = rows(house, "energy_signatures"), rows(house, "heat_faults")
    assert set(reckon_heating(house.installation, LATER).values()) == {0}
    assert (rows(house, "energy_signatures").equals(before[0]), rows(house, "heat_faults").equals(before[1])) == (
        True,
    ) * 2


def test_the_order_in_which_days_and_temperatures_come_does_not_matter(
    house: House, seasons: Seasons, tmp_path: Path
) -> None:
    home = house.installation.settings.home
    other = new_house(tmp_path)
    fill(other, seasons, days_first=False)
    for name in ("energy_signatures", "heat_faults"):
        assert rows(other, name).drop("known_from").equals(rows(house, name).drop("known_from"))
    from tests.integration.installations import enter

    enter(home)


def test_bad_lines_are_rejected_and_a_day_that_comes_again_is_corrected(house: House, seasons: Seasons) -> None:
    bad = "station,day,outdoor_temp_c\nmain,2026-03-01,warm\nmain,2026-13-01,3\n,2026-03-01,3\nmain,2026-03-02,99\n"
    report = take(house, bad + "main,2030-01-01,3\nmain,2026-03-03,4\nmain,2026-03-03,5\n", LATER, partial=True)
    assert report.rejected["reason"].to_list() == [
        "outdoor_temp_c is no number",
        "day is no day such as 2026-01-31",
        "station is missing",
        "no day has a mean beyond -60 or 55 degC",
        "day lies in the future",
        "the station's day stands in an earlier line",
    ]
    assert (report.added, report.updated, report.stored) == (0, 1, True)
    again = take(house, "station,day,outdoor_temp_c\nmain,2026-03-03,4.0\n", LATER)
    assert (again.updated, again.unchanged) == (0, 1)
    corrected = rows(house, "outdoor_temperatures").filter(day=date(2026, 3, 3)).row(0, named=True)
    assert (corrected["mean_temp_c"], corrected["known_from"]) == (4.0, LATER)
    before = rows(house, "energy_signatures")
    assert reckon_heating(house.installation, LATER)["energy_signatures"] > 0
    changed = rows(house, "energy_signatures").filter(known_from=LATER)
    assert changed["period_start"].unique().to_list() == [before["period_start"].max()]


def run(house: House, *words: str, fails: bool = False) -> str:
    outcome = CliRunner().invoke(app, [*words, "--home", str(house.installation.settings.home)])
    if fails:
        assert isinstance(outcome.exception, RegistryError)
        return str(outcome.exception)
    assert outcome.exception is None, outcome.exception
    return outcome.stdout


def test_what_people_find_is_kept_with_its_history_and_shown(house: House, seasons: Seasons) -> None:
    point = seasons.truth.filter(fault="hunting")["metering_point"].item()
    on = ("--on", "2026-03-01")
    run(house, "heat-fault", "confirm", point, "control", "--reason", "valve oversized", *on)
    shown = pl.read_csv(run(house, "report", "heat-faults", "--format", "csv", *on).encode())
    row = shown.filter(metering_point=point, rule="control").row(0, named=True)
    assert (row["verdict"], row["verdict_reason"]) == ("confirmed", "valve oversized")
    run(house, "heat-fault", "dismiss", point, "control", "--reason", "a test rig", *on)
    without = pl.read_csv(run(house, "report", "heat-faults", "--format", "csv", *on).encode())
    assert without.filter(metering_point=point, rule="control").is_empty()
    text = run(house, "report", "heat-faults", "--format", "csv", "--dismissed", *on)
    everything = pl.read_csv(text.encode(), schema_overrides={"verdict": pl.String})
    assert everything.filter(metering_point=point, rule="control")["verdict"].to_list() == ["false"]
    reviews = house.ask("select verdict, known_to is null as holds from heat_fault_reviews order by known_from")
    assert reviews.rows() == [("confirmed", False), ("false", True)]
    events = house.ask("select before, after, reason from audit_log where event = 'heat_fault.review' order by number")
    assert events.rows() == [
        (None, '{"verdict": "confirmed"}', "valve oversized"),
        ('{"verdict": "confirmed"}', '{"verdict": "false"}', "a test rig"),
    ]
    assert "has no fault control" in run(
        house, "heat-fault", "confirm", "DH00040", "control", "--reason", "x", fails=True
    )


def test_degree_days_and_the_tariff_have_commands(house: House) -> None:
    text = run(house, "report", "degree-days", "--from", "2025-01-01", "--to", "2025-12-31", "--format", "csv")
    sums = pl.read_csv(text.encode()).row(0, named=True)
    assert (sums["station"], sums["days"], sums["missing_days"]) == ("main", 365, 0)
    assert 2000 < sums["degree_days"] < 4500


def test_heat_of_months_is_normalised_without_hot_water(house: House, seasons: Seasons) -> None:
    lake, organisation = house.installation.lake, house.installation.organisation
    add_months(house, seasons)
    asked = ("report", "heat-normalised", "--from", "2025-07-01", "--to", "2026-01-31", "--format", "csv")
    found = pl.read_csv(run(house, *asked, "--reference-year", "2025").encode(), try_parse_dates=True)
    assert found.height == 7 * FLEET.points
    assert set(found.filter(month=date(2025, 7, 1))["reason"]) == {"few_degree_days"}
    january = found.filter(month=date(2026, 1, 1)).join(seasons.truth, on="metering_point")
    period = ("--from", "2026-01-01", "--to", "2026-01-31", "--format", "csv")
    actual = pl.read_csv(run(house, "report", "degree-days", *period).encode())["degree_days"].item()
    before = tuple(word.replace("2026", "2025") for word in period)
    reference = pl.read_csv(run(house, "report", "degree-days", *before).encode())["degree_days"].item()
    q, base = pl.col("consumption_kwh"), pl.col("base_kwh")
    by_hand = january.select((base + (q - base) * reference / actual - pl.col("normalised_kwh")).abs().max()).item()
    assert by_hand < 0.01
    sound = january.filter(pl.col("fault").is_null())
    assert set(sound["base_from"]) == {"signature"}
    assert sound.select((base / (pl.col("base") * 744) - 1).abs().median()).item() < 0.2
    year_before = lake.scan(CONSUMPTION_MONTHLY).filter(organisation=organisation, day=date(2025, 1, 1)).collect()
    both = sound.join(
        year_before.select("metering_point", was=pl.col("consumption").cast(pl.Float64)), on="metering_point"
    )
    apart = both.select(pl.col("normalised_kwh", "consumption_kwh") / pl.col("was") - 1).select(pl.all().abs().median())
    assert apart["normalised_kwh"].item() < apart["consumption_kwh"].item() / 2
    assert "before it begins" in run(house, *asked[:2], "--from", "2026-02-01", "--to", "2026-01-01", fails=True)


def add_months(house: House, seasons: Seasons) -> None:
    """What the days come to in months."""
    zone = house.installation.settings.timezone
    start = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    months = (
        seasons.days.group_by("metering_point", day=pl.col("day").dt.month_start())
        .agg(consumption=pl.col("energy_kwh").sum().cast(REGISTER))
        .with_columns(
            period_start=start,
            period_end=start.dt.convert_time_zone(zone).dt.offset_by("1mo").dt.convert_time_zone("UTC"),
            month=pl.col("day").dt.strftime("%Y-%m"),
            organisation=pl.lit(house.installation.organisation),
            known_from=pl.lit(NOW),
            register=pl.lit("energy_kwh"),
            unit=pl.lit("kWh"),
            quality=pl.lit("M"),
            **{name: pl.lit("M") for name in ("start_quality", "end_quality")},
            meter_id=pl.lit("KAM-90000002-1b-04"),
        )
    )
    house.installation.lake.append(CONSUMPTION_MONTHLY, CONSUMPTION_MONTHLY.conform(months))
    places = pl.DataFrame({"metering_point": months["metering_point"].unique()}).with_columns(
        organisation=pl.lit(house.installation.organisation), role=pl.lit("consumption"), medium=pl.lit("heat")
    )
    known = {name: dtype for name, dtype in METERING_POINTS.schema.items() if name not in places.columns}
    blank = [pl.lit(None, dtype).alias(name) for name, dtype in known.items()]
    house.installation.lake.append(METERING_POINTS, METERING_POINTS.conform(places.with_columns(blank)))


def test_erasure_takes_the_heating_years_it_touches(house: House, seasons: Seasons) -> None:
    point = seasons.truth.filter(fault="hunting")["metering_point"].item()
    folder = house.installation.settings.home.parent
    (folder / "meters.csv").write_text(
        "manufacturer,serial,version,device_type,model,medium,key\nKAM,90000002,1b,04,MULTICAL 402,heat,\n"
    )
    (folder / "customers.csv").write_text(
        "metering_point,customer_number,name,manufacturer,serial,installed_at\n"
        f"{point},1,Somebody,KAM,90000002,2024-01-01T00:00:00Z\n"
    )
    for kind in ("meters", "customers"):
        import_file(house.installation, kind, folder / f"{kind}.csv", identity="local:test", now=LATER)  # type: ignore[arg-type]
    request = Request(house.installation.organisation, point, date(2026, 1, 1), date(2026, 1, 31), "request 1")
    counts = erase(house.installation, request, identity="local:test", now=LATER)
    assert counts["energy_signatures"] == 4
    assert counts["heat_faults"] >= 1
    left = rows(house, "energy_signatures").filter(metering_point=point)["period_start"].unique().to_list()
    assert left == [datetime(2024, 6, 30, 22, tzinfo=UTC)]
    assert house.ask("from heat_fault_reviews").is_empty()
    reckon_heating(house.installation, LATER + timedelta(hours=1))
    assert rows(house, "energy_signatures").filter(metering_point=point)["period_start"].unique().to_list() == left
    assert rows(house, "heat_faults").filter(metering_point=point, period_start=NOW).is_empty()


def test_a_day_counts_once_it_is_over(house: House, tmp_path: Path) -> None:
    installation = house.installation
    days = installation.lake.scan(HEAT_DAILY).filter(pl.col("quality") == "M").collect().sort("metering_point", "day")
    point = days["metering_point"][0]
    last = days.filter(metering_point=point).tail(1)
    today, evening = last["day"][0] + timedelta(days=1), datetime(2026, 5, 1, 20, tzinfo=UTC)
    now = evening.replace(year=today.year, month=today.month, day=today.day)
    row = last.with_columns(day=pl.lit(today), known_from=pl.lit(now), month=pl.lit(f"{today:%Y-%m}"))
    text = f"station,day,outdoor_temp_c\nmain,{today},-3\n"
    installation.lake.append(HEAT_DAILY, row)
    assert set(reckon_heating(installation, now).values()) == {0}, "the day goes on"
    take(house, text, now + timedelta(days=1))
    before = rows(house, "energy_signatures").filter(metering_point=point).select(pl.col("days").sum()).item()
    assert reckon_heating(installation, now + timedelta(days=1))["energy_signatures"] > 0
    after = rows(house, "energy_signatures").filter(metering_point=point).select(pl.col("days").sum()).item()
    assert after > before
