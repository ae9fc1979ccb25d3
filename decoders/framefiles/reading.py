"""Frame files to frames for ``ingest`` and to telegrams for ``decode``."""

import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import polars as pl

from decoders.framefiles.archives import Member, members
from decoders.framefiles.errors import FrameFileError
from decoders.framefiles.line_formats import READERS
from decoders.framefiles.lines import REPLACED, split_lines
from decoders.framefiles.tabular import is_header, read_csv
from warehouse.schemas.instants import instants

_INSTANT = pl.Datetime("us", "UTC")

_PLACE: dict[str, pl.DataType] = {"source_file": pl.String(), "position": pl.String(), "source_line": pl.Int64()}

FRAMES = pl.Schema(
    {
        **_PLACE,
        "received_at": _INSTANT,
        "collector": pl.String(),
        "rssi_dbm": pl.Float64(),
        "frame": pl.Binary(),
        "transport": pl.String(),
        "device_eui": pl.String(),
        "extra": pl.String(),
    }
)
REJECTED = pl.Schema({**_PLACE, "reason": pl.String(), "line": pl.String()})
TELEGRAMS = pl.Schema(
    {
        **_PLACE,
        "case_id": pl.String(),
        "key": pl.Binary(),
        "transport": pl.String(),
        "fport": pl.Int64(),
        "device_eui": pl.String(),
        "frame": pl.Binary(),
        "reason": pl.String(),
    }
)

WIRELESS_HEADER = 11
"""L, C, manufacturer, serial, version, type and CI (EN 13757-4)."""

WIRED_HEADER = 9
"""68 L L 68, C, A, CI, checksum, 16 (EN 13757-2, long frame)."""

LONGEST = 1024
"""No frame with its CRCs, sync word and a receiver's trailing bytes is nearly as long: L is one byte."""

_LINE_SHOWN = 200


@dataclass(frozen=True, slots=True)
class FrameFile:
    """What a frame file holds.

    Attributes:
        format: Format as in the package's table; several of an archive are joined by commas.
        frames: :data:`FRAMES`: one row per good line in file order. ``position`` tells lines of the delivered file
            apart: the line, for members of a zip archive ``member.line``. ``extra`` is a JSON object or null.
        rejected: :data:`REJECTED`: one row per bad line. ``line`` has at most 200 characters and is null where it may
            hold a key.
    """

    format: str
    frames: pl.DataFrame
    rejected: pl.DataFrame


def read_frames(content: bytes, name: str, *, zone: ZoneInfo, received_at: datetime | None = None) -> FrameFile:
    """Reads a frame file for ingestion.

    Args:
        content: Bytes as delivered.
        name: Name of the file, a label for ``source_file`` and messages.
        zone: The utility's zone, for times without offset.
        received_at: Instant for input without times; seconds of logged telegrams count from it.

    Returns:
        Frames with their times in UTC, and rejected rows.

    Raises:
        FrameFileError: The file is no frame file, cannot be unpacked, or has no times and ``received_at`` is missing.
        ValueError: ``received_at`` has no offset.
    """
    if received_at is not None and received_at.tzinfo is None:
        raise ValueError("received_at needs an offset, e.g. Z")
    read = [_member_frames(member, zone, received_at) for member in members(content, name)]
    return FrameFile(
        format=",".join(dict.fromkeys(file.format for file in read)),
        frames=pl.concat([file.frames for file in read]),
        rejected=pl.concat([file.rejected for file in read]),
    )


def read_telegrams(content: bytes, name: str) -> pl.DataFrame:
    """Reads a frame file for ``decode``: every line gives a row, a bad one too.

    Args:
        content: Bytes as delivered.
        name: Name of the file, a label.

    Returns:
        :data:`TELEGRAMS` in input order. ``frame`` holds the bytes however few they are, and is null where the line has
        no whole bytes; ``reason`` then says why. ``case_id``, ``key`` and ``transport`` are null unless the line has
        them; a key that is no hex is null. With ``transport`` ``lorawan``, ``frame`` is the payload of ``fport``.

    Raises:
        FrameFileError: The file is no frame file or cannot be unpacked.
    """
    return pl.concat([_member_telegrams(member) for member in members(content, name)])


def without_lines(content: bytes, name: str, positions: Collection[str]) -> bytes:
    """A frame file with some lines blank, so that all others keep their places.

    Args:
        content: Bytes as delivered.
        name: Name of the file, a label for messages.
        positions: ``position`` of the lines, as :func:`read_frames` gives them.

    Returns:
        The file unpacked; of a zip archive, a zip archive of its unpacked members.

    Raises:
        FrameFileError: The file cannot be unpacked.
    """
    found = members(content, name)
    blank = [
        b"\n".join(
            b"" if _place(member, number) in positions else line
            for number, line in enumerate(member.content.split(b"\n"), 1)
        )
        for member in found
    ]
    if not found[0].number:
        return blank[0]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in zip(found, blank, strict=True):
            archive.writestr(member.label.removeprefix(f"{name}/") or str(member.number), text)
    return packed.getvalue()


def _place(member: Member, line: int) -> str:
    return f"{member.number}.{line}" if member.number else str(line)


def _recognise(lines: pl.DataFrame, label: str) -> tuple[str, pl.DataFrame]:
    """The format of a file and its cells."""
    if is_header(lines["line"][0]):
        return "csv", read_csv(lines, label)
    counts = lines.select(
        pl.col("line").str.contains(pattern).sum().alias(name) for name, (pattern, _) in READERS.items()
    )
    count, name = max((counts.item(0, name), name) for name in counts.columns)
    if count * 10 < lines.height:
        raise FrameFileError(
            f"{label}: no frame file. Expected are CSV with the header received_at,concentrator,rssi_dbm,frame, hex, "
            "rtl_wmbus lines, logged telegrams or JSON Lines with telegram_hex."
        )
    return name, READERS[name][1](lines)


def _bytes(member: Member) -> tuple[str, pl.DataFrame]:
    """The format and the cells with ``frame`` and, where it is null, the ``fault``."""
    name, cells = _recognise(split_lines(member.content, member.label), member.label)
    cells = cells.with_columns(
        frame=pl.col("hex").str.decode("hex", strict=False),
        source_file=pl.lit(member.label),
        position=_position(member),
    )
    # Most lines are pure hex; what follows looks only at those that are not.
    undecoded = pl.when(pl.col("frame").is_null()).then("hex")
    cells = cells.with_columns(digits=undecoded.str.replace_all(r"[\s_]", "").str.replace("^0[xX]", "")).with_columns(
        frame=pl.coalesce("frame", pl.col("digits").str.decode("hex", strict=False))
    )
    undecoded = pl.when(pl.col("frame").is_null()).then("digits")
    size = pl.col("frame").bin.size("b")
    return name, cells.with_columns(
        fault=pl.coalesce(
            pl.when(pl.col("line").str.contains(REPLACED, literal=True)).then(pl.lit("unreadable bytes")),
            "fault",
            pl.when(pl.col("hex").is_null() | (size == 0)).then(pl.lit("no frame")),
            pl.when(size > LONGEST).then(pl.lit("more bytes than a frame can have")),
            pl.when(undecoded.str.contains("[^0-9A-Fa-f]")).then(pl.lit("no hex")),
            pl.when(undecoded.is_not_null()).then(pl.lit("odd number of hex digits")),
        )
    ).with_columns(frame=pl.when(pl.col("fault").is_null()).then("frame"))


def _position(member: Member) -> pl.Expr:
    line = pl.col("source_line").cast(pl.String)
    return pl.lit(f"{member.number}.") + line if member.number else line


def _member_telegrams(member: Member) -> pl.DataFrame:
    _, cells = _bytes(member)
    return cells.with_columns(key=pl.col("key_hex").str.decode("hex", strict=False), reason="fault").select(
        pl.col(name).cast(dtype) for name, dtype in TELEGRAMS.items()
    )


def _member_frames(member: Member, zone: ZoneInfo, received_at: datetime | None) -> FrameFile:
    name, cells = _bytes(member)
    times = instants(cells.select("time", source="collector"), zone)
    cells = cells.hstack(times.rename({"instant": "received_at"}))
    cells = cells.with_columns(fault=pl.coalesce("fault", _too_short(), "time_fault"))
    cells = cells.with_columns(
        rssi_dbm=pl.col("rssi").cast(pl.Float64, strict=False),
        timeless=pl.col("received_at").is_null() & pl.col("fault").is_null(),
    ).with_columns(rssi_dbm=pl.when(pl.col("rssi_dbm").is_finite()).then("rssi_dbm"))
    if received_at is None:
        if cells["timeless"].any() and cells["time"].null_count() == cells.height:
            raise FrameFileError(
                f"{member.label}: the frames carry no times. Say when they were received with --received-at."
            )
        cells = cells.with_columns(fault=pl.when("timeless").then(pl.lit("no time")).otherwise("fault"))
    start = pl.lit(received_at, _INSTANT) + pl.duration(seconds=pl.col("offset_s").fill_null(0))
    cells = cells.with_columns(
        received_at=pl.when("timeless").then(start).otherwise("received_at"), extra=_with_notes(cells)
    )
    bad = pl.col("fault").is_not_null()
    return FrameFile(
        format=name,
        frames=cells.filter(~bad)
        .with_columns(pl.col("device_eui").str.to_uppercase())
        .select(pl.col(column).cast(dtype) for column, dtype in FRAMES.items()),
        rejected=cells.filter(bad).select(*_PLACE, reason="fault", line=_shown()),
    )


def _shown() -> pl.Expr:
    """A rejected line as people may see it."""
    line = pl.col("line")
    secret = pl.col("secret").fill_null(value=False) | line.str.contains("(?i)key")
    return pl.when(~secret).then(line.str.slice(0, _LINE_SHOWN))


def _too_short() -> pl.Expr:
    frame, uplink = pl.col("frame"), (pl.col("transport") == "lorawan").fill_null(value=False)
    wired = frame.bin.starts_with(b"\x68") & (frame.bin.slice(3, 1) == b"\x68")
    least = pl.when(uplink).then(1).when(wired).then(WIRED_HEADER).otherwise(WIRELESS_HEADER)
    return (
        pl.when(frame.bin.size("b") < least)
        .then(pl.lit("fewer bytes than a header"))
        .when(uplink & pl.col("device_eui").is_null())
        .then(pl.lit("an uplink without a device EUI"))
        .when(~pl.col("device_eui").str.contains("^[0-9A-Fa-f]{16}$"))
        .then(pl.lit("the device EUI is not 16 hex digits"))
    )


def _with_notes(cells: pl.DataFrame) -> pl.Expr:
    """``extra`` with what was noticed while reading the line; most files leave nothing to note."""
    shifted = pl.struct("time_flag", local_time="time").struct.json_encode()
    unread = pl.struct(rssi_dbm="rssi").struct.json_encode()
    noticed = (
        (pl.col("time_flag").is_not_null(), shifted),
        (pl.col("offset_s").is_not_null(), pl.struct("offset_s").struct.json_encode()),
        (pl.col("rssi").is_not_null() & pl.col("rssi_dbm").is_null(), unread),
    )
    notes = [pl.when(when).then(note) for when, note in noticed if cells.select(when.any()).item()]
    if not notes:
        return pl.when(pl.col("extra") != "{}").then("extra")
    inner = [note.str.strip_prefix("{").str.strip_suffix("}") for note in (pl.col("extra"), *notes)]
    joined = pl.concat_str(inner, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then("{" + joined + "}")
