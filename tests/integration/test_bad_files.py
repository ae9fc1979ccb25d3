"""Files that are no frame files, and lines that are no frames."""

from pathlib import Path

import pytest

from pipelines.runs import RunError, catch_up
from tests.integration.installations import House

FRAME = "1844c514785623915507780413102700000259e803426c0c4c"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 40, ""),
        (b"time,concentrator,rssi\n2025-10-21T00:00:00Z,c1,-80\n", ""),
        ("received_at,frame\n2025-10-21T00:00:00Z,aabb\n".encode("utf-16"), ""),
        (FRAME.encode(), "--received-at"),
    ],
    ids=["empty", "binary", "no frame column", "UTF-16", "no times"],
)
def test_a_file_that_is_no_frame_file_is_refused_whole(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(content)
    good.write_text(f"received_at,concentrator,rssi_dbm,frame\n2025-10-21T00:00:00Z,c1,-80,{FRAME}\n")
    assert house.ingest(bad, good) == 1
    errors = capfd.readouterr().err
    assert "bad.csv was refused" in errors
    assert message in errors
    assert house.ask("select outcome from frames").rows() == [("foreign",)], "the other file goes on"


def test_a_delivery_that_comes_again_is_named_as_known(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "frames.csv"
    file.write_text(f"received_at,frame\n2025-10-21T00:00:00Z,{FRAME}\n")
    assert house.ingest(file) == 0
    assert "1 files landed, 0 refused; receptions: 1 foreign." in capfd.readouterr().err
    assert house.ingest(file) == 0
    assert "0 files landed, 0 refused, 1 known already; receptions: none to decode." in capfd.readouterr().err


def test_bad_lines_are_rejected_rows(house: House, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "received_at,concentrator,rssi_dbm,frame\n"
        f"2025-10-21T00:00:00Z,c1,-80,{FRAME}\n"
        "2025-10-21T00:00:01Z,c1,-80,xyz\n"
        "2025-10-21T00:00:02Z,c1,-80,aabb\n"
        f",c1,-80,{FRAME}\n"
        f"2025-10-21T00:00:03Z,c1,-80,{FRAME},more\n"
    )
    assert house.ingest(file) == 0
    rows = house.ask("select source_line, reason from rejected_rows order by 1")
    assert rows["source_line"].to_list() == [3, 4, 5, 6]
    assert all(rows["reason"])
    assert house.ask("select count(*) from frames").item() == 1


def test_materialize_takes_a_part_of_the_graph(house: House) -> None:
    with pytest.raises(RunError, match=r"no asset nonsense; there are .*consumption_daily"):
        catch_up(house.installation, identity="test", selection=["nonsense"])
    assert catch_up(house.installation, identity="test", selection=["heat_daily"]) == []
