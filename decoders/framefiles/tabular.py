"""Frame files in CSV with a header."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import polars as pl

from decoders.framefiles.cells import to_cells
from decoders.framefiles.errors import FrameFileError

_CELL_OF = {"received_at": "time", "concentrator": "collector", "rssi_dbm": "rssi", "frame": "hex"}
_FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'
_KEYISH = "key"
_BLOCK_LINES = 200_000
_BLOCKS_AT_ONCE = 2


def header(line: str) -> list[str]:
    """Column names of a possible header line, lower case."""
    return [name.strip().strip('"').strip().lower() for name in line.split(",")]


def is_header(line: str) -> bool:
    """Whether a line names a column of the format."""
    return any(name in _CELL_OF for name in header(line))


def read_csv(lines: pl.DataFrame, label: str) -> pl.DataFrame:
    """Reads the lines under a header.

    Each physical line is judged by itself, so that a stray quote spoils its own line and no other: fields with line
    breaks are not part of the format.

    Args:
        lines: ``source_line`` and ``line``; the first one is the header.
        label: Name of the file for messages.

    Returns:
        :data:`decoders.framefiles.cells.CELLS`. Columns of other names go to ``extra`` as a JSON object, except those
        whose name says that they hold a key.

    Raises:
        FrameFileError: No column ``frame``, or a column named twice.
    """
    top = lines["line"][0]
    names = header(top)
    if "frame" not in names:
        raise FrameFileError(
            f"{label}: the column 'frame' is missing. "
            "A frame file has the header received_at,concentrator,rssi_dbm,frame."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FrameFileError(f"{label}: the header names {twice} twice. Give each column its own name.")
    if lines.height == 1:
        return _cells(lines[1:], top, names)
    with ThreadPoolExecutor(_BLOCKS_AT_ONCE) as pool:  # most of what is done with texts uses one core
        return pl.concat(pool.map(lambda block: _cells(block, top, names), lines[1:].iter_slices(_BLOCK_LINES)))


def _cells(lines: pl.DataFrame, top: str, names: list[str]) -> pl.DataFrame:
    """Cells of some of the lines under a header, in their order."""
    line = pl.col("line")
    fields = len(names)
    judged = lines.with_columns(
        fault=pl.when(line == top)
        .then(pl.lit("repeated header"))
        .when(~line.str.contains('"', literal=True) & (line.str.count_matches(",", literal=True) != fields - 1))
        .then(pl.lit(f"not {fields} fields"))
        .when(line.str.contains('"', literal=True) & ~line.str.contains(f"^{_FIELD}(?:,{_FIELD}){{{fields - 1}}}$"))
        .then(pl.lit(f"stray quote or not {fields} fields"))
    )
    good = judged.filter(pl.col("fault").is_null())
    cells = pl.concat([good, _parsed(good["line"], names)], how="horizontal")
    others = [name for name in names if name not in _CELL_OF and _KEYISH not in name]
    cells = cells.with_columns(extra=pl.struct(others).struct.json_encode() if others else pl.lit(None, pl.String))
    cells = cells.select("source_line", "line", "fault", "extra", *(c for c in _CELL_OF if c in names)).rename(
        _CELL_OF, strict=False
    )
    bad = judged.filter(pl.col("fault").is_not_null())
    whole = pl.concat([cells, bad], how="diagonal").sort("source_line") if bad.height else cells
    return to_cells(whole.with_columns(secret=pl.lit(any(_KEYISH in name for name in names))))


def _parsed(lines: pl.Series, names: list[str]) -> pl.DataFrame:
    """Fields of lines that are known to be one good record each."""
    if lines.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    text = lines.str.join("\n")[0]
    return pl.read_csv(BytesIO(text.encode()), has_header=False, new_columns=names, infer_schema=False)
