"""Names of files."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from exports.errors import ExportError
from exports.file_names import file_name
from exports.jobs import Job
from tests.unit.exports.export_rows import FACTS


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{job}.csv", "billing.csv"),
        ("{job}_{from:%Y%m%d}-{to:%Y%m%d}.csv", "billing_20261025-20261026.csv"),
        ("{from_utc:%Y%m%d}.csv", "20261024.csv"),
        ("{now}.csv", "20261026T060007.csv"),
        ("{now_utc}Z.csv", "20261026T050007Z.csv"),
        ("{seq:06}_{revision}.csv", "000042_2.csv"),
        ("nem12#{now:%Y%m%d%H%M%S}#METERHOUSE#Retailer.csv", "nem12#20261026060007#METERHOUSE#Retailer.csv"),
        ("Aflæsning {from:%j}.csv", "Aflæsning 298.csv"),
    ],
)
def test_places_are_filled(template: str, name: str) -> None:
    assert file_name(template, FACTS) == name


@pytest.mark.parametrize(
    "template",
    [
        "../{job}.csv",
        "a/b.csv",
        "a\\b.csv",
        "{from:%Y/%m}.csv",
        "a..csv",
        ".hidden",
        "a.csv.part",
        "a.",
        " a",
        "a\nb",
        "a:b",
        "a\0b",
        "{organisation}",
        "{job",
        "{}",
        "{job.__class__}",
        "{from:{to}}",
        "x" * 201,
        "æ" * 101,
        "{seq:300}",
    ],
)
def test_template_that_gives_no_safe_name_is_refused(template: str) -> None:
    with pytest.raises(ExportError, match=r"^The file name .* is not understood: "):
        file_name(template, FACTS)
    job: dict[str, Any] = {"name": "a", "format": "b", "destination": "c", "file_name": template}
    with pytest.raises(ValidationError, match="file_name"):
        Job(**job)


def test_hour_that_comes_twice_has_two_names_in_utc() -> None:
    hours = [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]
    names = [file_name("{from}_{from_utc}", replace(FACTS, period_from=hour)) for hour in hours]
    assert names == ["20261025T020000_20261025T000000", "20261025T020000_20261025T010000"]
