"""A device file that is wrong is refused, with its name and the key."""

import re
from decimal import Decimal
from importlib.resources import files

import pytest

from decoders.canonical import apply_plan, plan
from decoders.device_files import DeviceFileError, read_device_file
from decoders.families import families, in_order, of_device
from decoders.records import parse_records
from tests.conftest import REPOSITORY

GOOD = """
title = "A meter"
source = "its manual"
compact_formats = ["041302FD17"]

[[detect]]
manufacturer = "ABC"
versions = ["01", "02"]
device_types = ["07"]

[[field]]
column = "info_code"
vib = "FD17"
kind = "abc"

[[sentinel]]
columns = ["flow_temp_c"]
from = 127.0
to = 129.0
only_with.abc = ["LEAK"]

[[frozen]]
columns = ["volume_m3"]
only_with.abc = ["LEAK"]

[info_code_kinds.abc]
width = 16
high = ["LEAK"]
ignore = ["SPARE"]
durations = { mask = 7, LEAK = 13 }
bits = { 0 = "LEAK", 15 = "SPARE" }

[[sample]]
telegram = "00"
fields = { volume_m3 = "1.5", flow_temp_c = 1.5, info_code = 1 }
"""

FIELD = '[[field]]\ncolumn = "info_code"\nvib = "FD17"\nkind = "abc"\n'


def test_a_good_file_is_read() -> None:
    family = read_device_file("abc.toml", GOOD)
    (rule,) = family.frozen
    assert (family.title, rule.only_with) == ("A meter", {"abc": 1})
    assert family.fits("ABC", "02", "07")
    assert not family.fits("ABC", "03", "07")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('title = "A meter"', "", "title: is missing"),
        ('source = "its manual"', "source = 3", "source: must be of type str, not int"),
        ('title = "A meter"', "title = ", "abc.toml: Invalid value"),
        ('title = "A meter"', 'title = "A meter"\ncolour = "red"', "colour: is not a known key"),
        ('title = "A meter"', 'title = "A meter"\nstructure = "odd"', "structure: must be records or none"),
        ('"041302FD17"', '"0413X"', "compact_formats: is not a list of hex texts"),
        ("[[detect]]", "[detect]", "detect: must be of type list"),
        ('manufacturer = "ABC"', 'manufacturer = "Abc"', "detect[1].manufacturer: 'Abc' is not three"),
        ('manufacturer = "ABC"', 'producer = "ABC"', "detect[1].producer: is not a known key"),
        ('versions = ["01", "02"]', 'versions = ["1"]', "detect[1].versions: '1' is not two"),
        ('versions = ["01", "02"]', 'versions = ["01", "01"]', "detect[1].versions: says something twice"),
        ('versions = ["01", "02"]', "versions = []", "detect[1].versions: is empty"),
        ('versions = ["01", "02"]', "versions = [1]", "detect[1].versions: must be a list of texts"),
        ('column = "info_code"', 'column = "info"', "field[1].column: 'info' is not one of volume_m3"),
        ('vib = "FD17"', 'vib = "FD1"', "field[1].vib: is not hex"),
        ('vib = "FD17"', 'quantity = "volum"', "field[1].quantity: 'volum' is not a quantity"),
        ('vib = "FD17"', 'quantity = "volume"\nmodifiers = ["odd"]', "field[1].modifiers: 'odd' is not a meaning"),
        (
            'vib = "FD17"',
            'quantity = "volume"\nmodifiers = ["multiply_1000"]',
            "field[1].modifiers: 'multiply_1000' is not a meaning",
        ),
        ('vib = "FD17"', 'vib = "FD17"\ndata_type = "uint12"', "field[1].data_type: 'uint12' is not a type"),
        ("[[sentinel]]", FIELD + "[[sentinel]]", "field[2].column: says what field[1] says"),
        ('vib = "FD17"', "", "field[1].quantity: either quantity or vib"),
        ('vib = "FD17"', 'vib = "FD17"\nquantity = "volume"', "field[1].quantity: either quantity or vib"),
        ('vib = "FD17"', 'vib = "FD17"\nmodifiers = ["mfct:01"]', "field[1].modifiers: vib tells them"),
        ('vib = "FD17"', 'vib = "FD17"\noccurrence = 0', "field[1].tariff, subunit, occurrence"),
        ('vib = "FD17"', 'vib = "FD17"\ndigits = 7', "field[1].digits: must be 1 to 18, of a register"),
        (
            '"info_code"\nvib = "FD17"\nkind = "abc"',
            '"volume_m3"\nvib = "13"\ndigits = 19',
            "field[1].digits: must be 1",
        ),
        ('kind = "abc"', "", "field[1].kind: is for info_code, which needs it"),
        ('columns = ["flow_temp_c"]', 'columns = ["volume_m3"]', "sentinel[1].columns: 'volume_m3' is not one of"),
        ('columns = ["flow_temp_c"]', "columns = []", "sentinel[1].columns: is missing"),
        ("from = 127.0", "from = 127", "sentinel[1].from: must be of type float, not int"),
        ("from = 127.0", "from = 130.0", "sentinel[1].from: is above to"),
        ('only_with.abc = ["LEAK"]', 'only_with.abc = ["BURST"]', "sentinel[1].only_with.abc: 'BURST' has no bit"),
        ('only_with.abc = ["LEAK"]', 'only_with.xyz = ["LEAK"]', "sentinel[1].only_with.xyz: is not an info code"),
        ('only_with.abc = ["LEAK"]', "only_with.abc = []", "sentinel[1].only_with.abc: is empty"),
        ('columns = ["volume_m3"]', 'columns = ["flow_temp_c"]', "frozen[1].columns: 'flow_temp_c' is not one of"),
        ("width = 16", "width = 64", "info_code_kinds.abc.width: must be 1 to 63 bits"),
        ("width = 16", "width = 15", "info_code_kinds.abc.bits.15: is not a bit from 0 to 14"),
        ("0 = ", "zero = ", "info_code_kinds.abc.bits.zero: is not a bit"),
        ('15 = "SPARE"', '15 = "LEAK"', "info_code_kinds.abc.bits: has a code twice"),
        ('high = ["LEAK"]', 'high = ["BURST"]', "info_code_kinds.abc.high: 'BURST' has no bit"),
        ('high = ["LEAK"]', 'high = ["SPARE"]', "info_code_kinds.abc.ignore: names a code of high priority"),
        ("LEAK = 13 }", "LEAK = 14 }", "info_code_kinds.abc.durations.LEAK: does not lie within 16 bits"),
        ("LEAK = 13 }", "BURST = 3 }", "info_code_kinds.abc.durations.BURST: has no bit"),
        ('telegram = "00"', "", "sample[1].telegram: is missing"),
        ('telegram = "00"', 'telegram = "00"\ntransport = "post"', "sample[1].transport: must be wmbus or mbus"),
        ('volume_m3 = "1.5"', "volume_m3 = 1.5", "sample[1].fields.volume_m3: must be of type str, not float"),
        ('volume_m3 = "1.5"', 'volume = "1.5"', "sample[1].fields.volume: 'volume' is not one of"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(DeviceFileError, match=re.escape(problem)) as caught:
        read_device_file("abc.toml", GOOD.replace(old, new, 1))
    assert str(caught.value).startswith("abc.toml: ")


def test_two_files_for_one_meter_need_a_precedence() -> None:
    one, other = read_device_file("one.toml", GOOD), read_device_file("other.toml", GOOD.replace("abc", "xyz"))
    with pytest.raises(DeviceFileError, match=r"one\.toml: detect: other\.toml is for the same meter"):
        in_order([one, other])
    higher = read_device_file("other.toml", "precedence = 1\n" + GOOD.replace("abc", "xyz"))
    assert [family.file for family in in_order([one, higher])] == ["other.toml", "one.toml"]
    apart = read_device_file("other.toml", GOOD.replace("abc", "xyz").replace('["07"]', '["06"]'))
    assert len(in_order([one, apart])) == 2


def test_a_kind_of_info_code_belongs_to_one_file() -> None:
    one = read_device_file("one.toml", GOOD)
    other = read_device_file("other.toml", GOOD.replace('"ABC"', '"XYZ"'))
    with pytest.raises(DeviceFileError, match=r"other\.toml: info_code_kinds\.abc: one\.toml tells it already"):
        in_order([one, other])
    bare = GOOD.replace('kind = "abc"', 'kind = "nobody"')
    with pytest.raises(DeviceFileError, match=r"one\.toml: field\.kind: 'nobody' is not told by any file"):
        in_order([read_device_file("one.toml", bare)])


def test_every_file_of_the_folder_is_read() -> None:
    names = {item.name for item in files("decoders.devices").iterdir() if item.name.endswith(".toml")}
    assert {family.file for family in families()} == names
    assert families()[-1].file == "generic.toml"
    assert of_device("ZZZ", "00", "ff") == (families()[-1],)


@pytest.mark.parametrize("telegram", ["0C0E", "0C0F"])
def test_the_nth_of_equal_records_is_meant(telegram: str) -> None:
    """Hydrocal-M3: heating first, then cooling, then the two inputs."""
    area = f"{telegram}01000000" + "0C1310000000" + f"{telegram}02000000" + "0C13200000000C13300000000C1340000000"
    records, damage = parse_records(bytes.fromhex(area))
    assert damage is None
    fed = {field.name: field.record_no for field in plan("BMT", "0b", "0d", records).fields}
    assert fed == {"energy_kwh": 0, "volume_m3": 1, "cooling_energy_kwh": 2, "input_a": 4, "input_b": 5}
    fewer = plan("BMT", "0b", "0d", records[:4]).fields
    assert {field.name for field in fewer} == {"energy_kwh", "volume_m3", "cooling_energy_kwh"}


def test_the_files_digits_come_before_those_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    records, _ = parse_records(bytes.fromhex("0C1300000000" + "0C0600000000"))
    rule = '[[field]]\ncolumn = "volume_m3"\nquantity = "volume"\ndigits = 7\n\n[[sentinel]]'
    family = read_device_file("abc.toml", GOOD.replace("[[sentinel]]", rule, 1))
    monkeypatch.setattr("decoders.canonical.of_device", lambda *_: (family, families()[-1]))
    digits = {field.name: field.digits for field in plan("ABC", "01", "04", records).fields}
    assert digits == {"volume_m3": 7, "energy_kwh": 8}


def test_all_bits_set_is_missing_only_where_the_file_says_so() -> None:
    records, _ = parse_records(bytes.fromhex("02FD17FFFF"))
    (kamstrup,) = plan("KAM", "01", "18", records).fields
    (other,) = plan("ZZZ", "01", "18", records).fields
    assert (kamstrup.missing, other.missing) == ((0xFFFF,), ())


def test_the_steps_of_weighted_volumes_follow_a_multiplied_volume() -> None:
    """A volume in 10 m3 sent with the factor 1000 (VIFE 7D): E8 and E9 count in steps of 1000 m3*degC (§7.1)."""
    plain, _ = parse_records(bytes.fromhex("041702000000" + "04FF0703000000"))
    times, _ = parse_records(bytes.fromhex("04947D02000000" + "04FF0703000000"))
    found = [apply_plan(plan("KAM", "34", "04", records), records) for records in (plain, times)]
    assert found[0] == found[1] == {"volume_m3": Decimal(20), "volume_temp_flow_m3c": Decimal(3000)}


def test_the_example_of_the_manual_is_a_device_file() -> None:
    manual = (REPOSITORY / "docs" / "devices.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", manual, re.DOTALL)
    family = read_device_file("example.toml", example.replace("…", ""))
    assert family.fits("BMT", "1a", "0d")
    for key in ("structure", "precedence", "all_ones_missing", "compact_formats", "follows_volume"):
        assert key in manual
