"""What a line of any format says, still as text: the common shape that the formats are brought to."""

import polars as pl

CELLS = pl.Schema(
    {
        "source_line": pl.Int64,
        "line": pl.String,
        "fault": pl.String,
        "secret": pl.Boolean,
        "hex": pl.String,
        "time": pl.String,
        "offset_s": pl.Int64,
        "collector": pl.String,
        "rssi": pl.String,
        "extra": pl.String,
        "case_id": pl.String,
        "key_hex": pl.String,
        "transport": pl.String,
        "fport": pl.Int64,
        "device_eui": pl.String,
    }
)
"""``fault`` says why the line is none of its format, ``secret`` that the line may hold a key; both may be null."""

TEXTS = ("hex", "time", "collector", "rssi", "case_id", "key_hex", "transport", "device_eui")

HEX_LINE = r"^(0[xX])?[0-9A-Fa-f][0-9A-Fa-f\s_]*$"


def to_cells(lines: pl.DataFrame) -> pl.DataFrame:
    """Completes the columns of :data:`CELLS`; empty texts become null."""
    cells = lines.select(
        pl.col(name).cast(dtype) if name in lines.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in CELLS.items()
    )
    texts = [name for name in TEXTS if name in lines.columns]
    stripped = cells.with_columns(pl.col(texts).str.strip_chars())
    return stripped.with_columns(pl.when(pl.col(name) != "").then(name) for name in texts)
