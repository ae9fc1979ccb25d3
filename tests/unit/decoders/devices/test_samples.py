"""Every device file's own telegrams."""

from datetime import datetime
from decimal import Decimal

import pytest

from decoders.compact import KNOWN, expand, format_of
from decoders.families import families
from decoders.family import Family, Sample
from decoders.info_codes import names
from decoders.scalar import Key, decode_telegram

SAMPLES = [
    pytest.param(family, sample, id=f"{family.file.removesuffix('.toml')}-{number}")
    for family in families()
    for number, sample in enumerate(family.samples, 1)
]


@pytest.mark.parametrize("family", families(), ids=lambda family: family.file)
def test_every_file_has_samples_of_its_own(family: Family) -> None:
    assert family.samples


@pytest.mark.parametrize(("family", "sample"), SAMPLES)
def test_a_sample_gives_what_its_file_says(family: Family, sample: Sample) -> None:
    keys = [] if sample.key is None else [Key(sample.key)]
    telegram = decode_telegram(sample.telegram, keys, KNOWN, transport=sample.transport)
    assert telegram.outcome == sample.outcome, telegram.reason
    assert telegram.address is not None
    device = telegram.address.device
    assert family.fits(*device), device
    fields = dict(telegram.fields)
    assert {
        name: Decimal(value) if isinstance(fields.get(name), Decimal) else value
        for name, value in sample.fields.items()
    } == fields
    if "device_time" in fields:
        datetime.fromisoformat(str(fields["device_time"]))
    kind, word = fields.get("info_code_kind"), fields.get("info_code")
    assert tuple(names(kind, word)) == sample.info_codes  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [headers for family in families() for headers in family.compact_formats],
    ids=lambda headers: headers.hex(),
)
def test_known_compact_formats_are_record_headers(headers: bytes) -> None:
    widths = range(400)
    areas = [area for width in widths if (area := expand(headers, bytes(width))) is not None]
    assert areas
    taught = format_of(areas[0])
    assert taught is not None
    assert taught[1] == headers
    assert headers in KNOWN.known[taught[0]]
