import numpy as np
import pytest

from simulator.crc import crc16, low_first
from simulator.kinds import BY_NAME, KINDS
from simulator.records import Field, compact_records, date_g, datetime_f, full_records, signature


@pytest.mark.parametrize(("kind", "known"), [("water", 0xA8ED), ("heat_inlet", 0xB34D)])
def test_layouts_have_the_signatures_of_known_compact_formats(kind: str, known: int) -> None:
    assert signature(BY_NAME[kind].layout) == known


def test_kinds_of_the_same_address_differ_in_signature() -> None:
    kinds = [kind for kind in KINDS if kind.security == "ell"]
    assert len({signature(kind.layout) for kind in kinds}) == len(kinds)


def test_numbers_are_written_low_byte_first() -> None:
    values = {"count": np.array([0x01020304, 99]), "digits": np.array([12345678, 7])}
    layout = (Field("0413", 4, "count"), Field("0C13", 4, "digits", "bcd"))
    assert full_records(layout, values)[0].tobytes().hex() == "0413" + "04030201" + "0c13" + "78563412"
    assert full_records(layout, values)[1].tobytes().hex() == "0413" + "63000000" + "0c13" + "07000000"


def test_a_compact_frame_leaves_the_headers_out_and_checks_the_full_frame() -> None:
    values = {"count": np.array([1, 2]), "digits": np.array([3, 4])}
    layout = (Field("0413", 4, "count"), Field("0C13", 4, "digits", "bcd"))
    compact = compact_records(layout, values)
    assert compact[:, 2:4].tolist() == low_first(crc16(full_records(layout, values))).tolist()
    assert compact[0, 4:].tobytes().hex() == "01000000" + "03000000"


def test_dates_and_times_of_the_standards_types() -> None:
    moments = np.array(["2025-10-26T02:07:59", "1999-12-31T23:59", "2027-01-01T00:00"], dtype="datetime64[s]")
    bits = datetime_f(moments)
    minute, hour, day, month = bits & 63, bits >> 8 & 31, bits >> 16 & 31, bits >> 24 & 15
    year = (bits >> 21 & 7 | bits >> 28 << 3) & 127
    assert minute.tolist() == [7, 59, 0]
    assert hour.tolist() == [2, 23, 0]
    assert (day.tolist(), month.tolist()) == ([26, 31, 1], [10, 12, 1])
    assert year.tolist()[::2] == [25, 27]
    assert (date_g(moments.astype("datetime64[D]")) == bits >> 16).all()


def test_a_date_written_out_by_hand() -> None:
    # Type G: day 1 | year 20 = 0b0010_100 in two parts | month 4.
    moment = np.array(["2020-04-01"], dtype="datetime64[D]")
    assert date_g(moment).tolist() == [0x2481]
