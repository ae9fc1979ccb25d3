"""Gates: which shares withhold a file."""

import pytest

from exports.gates import held_back_by
from exports.jobs import Gate


@pytest.mark.parametrize(
    ("gate", "qualities", "reasons"),
    [
        (Gate(), {"N": 10}, []),
        (Gate(missing=0), {"M": 10, "E": 3}, []),
        (Gate(missing=0), {"M": 99, "N": 1}, ["1 of 100 values are missing (1.00 %), more than 0 %."]),
        (Gate(missing=1), {"M": 99, "N": 1}, []),
        (Gate(estimated=2.5), {"M": 97, "E": 3}, ["3 of 100 values are estimated (3.00 %), more than 2.5 %."]),
        (Gate(missing=0, estimated=0, interpolated=0, rejected=0), {}, []),
    ],
)
def test_shares(gate: Gate, qualities: dict[str, int], reasons: list[str]) -> None:
    assert held_back_by(gate, qualities) == reasons


def test_every_share_is_told() -> None:
    gate = Gate(missing=0, estimated=0, interpolated=0, rejected=0)
    reasons = held_back_by(gate, {"N": 1, "E": 1, "I": 1, "R": 1})
    assert [reason.split(" values are ")[1].split(" ")[0] for reason in reasons] == [
        "missing", "estimated", "interpolated", "rejected",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "heard", "reasons"),
    [
        (5, 95, []),
        (5, 94, ["6 of 100 meters have no reading (6.00 %), more than 5 %."]),
        (0, 100, []),
        (None, 0, []),
    ],
)
def test_meters_without_a_row_are_missing(missing: float | None, heard: int, reasons: list[str]) -> None:
    assert held_back_by(Gate(missing=missing), {"M": 10}, expected=100, heard=heard) == reasons


def test_a_file_without_rows_is_held_back_where_meters_were_expected() -> None:
    assert held_back_by(Gate(missing=50), {}, expected=3) == [
        "3 of 3 meters have no reading (100.00 %), more than 50 %."
    ]
    assert held_back_by(Gate(missing=50), {}, expected=0) == []
