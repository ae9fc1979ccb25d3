"""Reports on the command line, on the simulated fleet."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cli.main import app
from registry.errors import RegistryError
from tests.integration.installations import FLEET

LAST = FLEET.start + timedelta(days=FLEET.days - 2)


def run(*words: object):
    found = CliRunner().invoke(app, ["report", *map(str, words)])
    if isinstance(found.exception, Exception):
        raise found.exception
    return found


def test_consumption_totals_agree_with_sql_and_customers_are_named(filled) -> None:
    period = ("--from", FLEET.start, "--to", LAST)
    done = run("consumption", *period, "--customers", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    whole = filled.ask(
        "select metering_point, register, sum(consumption) as consumption from consumption_daily "
        f"where day between '{FLEET.start}' and '{LAST}' group by all having count(*) = count(consumption)"
    )
    shown = {(row["metering_point"], row["register"]): row["consumption"] for row in rows}
    assert whole.height > 10
    assert all(Decimal(shown[point, register]) == value for point, register, value in whole.rows())
    assert all(row["customer_name"] for row in rows)
    volumes = [row["consumption"] for row in rows if row["register"] == "volume_m3"]
    total = sum(Decimal(value) for value in volumes if value)
    unknown = f", {volumes.count('')} unknown" if "" in volumes else ""
    assert f"volume_m3: {total:f} m3, {len(volumes)} metering points{unknown}\n" in done.stderr
    empty = run("consumption", *period, "--limit", "above", "--bound", "1e9", "--format", "csv")
    assert len(empty.stdout.splitlines()) == 1
    assert run("corrections", "--format", "json").stdout == "[]\n"


def test_a_report_says_what_it_cannot_do(house) -> None:
    with pytest.raises(RegistryError, match="There is no group nobody"):
        run("consumption", "--group", "nobody")
    with pytest.raises(RegistryError, match="would end on 2026-01-01, before it begins"):
        run("consumption", "--from", date(2026, 1, 2), "--to", date(2026, 1, 1))
    for bound in ("much", "nan", "1e400"):
        with pytest.raises(RegistryError, match="is no"):
            run("consumption", "--limit", "below", "--bound", bound)
