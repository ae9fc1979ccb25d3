"""``decode``: telegrams in, JSON Lines out; needs no installation."""

import json
import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from decoders.report import decode_lines

from decoders.framefiles import read_telegrams


def decode(
    files: Annotated[list[Path], typer.Argument(help="Frame files.", exists=True, dir_okay=False)],
    keys: Annotated[
        Path | None, typer.Option(help="CSV with manufacturer, serial, version, device_type, key.", exists=True)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the objects go; standard output by default.")] = None,
) -> None:
    """Writes one JSON object per telegram, in input order."""
    rows = pl.concat([read_telegrams(file.read_bytes(), file.name) for file in files])
    objects = decode_lines(rows, _keys(keys))
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects)
    if out is None:
        sys.stdout.write(text)
        return
    partial = out.with_name(out.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(out)


def _keys(file: Path | None) -> pl.DataFrame:
    """Keys by meter: ``meter_id``, ``key`` (hex); version and type may be empty, then the serial decides."""
    if file is None:
        return pl.DataFrame(schema={"manufacturer": pl.String, "serial": pl.String, "key": pl.String})
    return pl.read_csv(file, infer_schema=False)
