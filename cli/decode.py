"""``decode``: telegrams in, JSON Lines out; needs no installation."""

import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cli.explain import explanations
from cli.messages import complain
from decoders.exact_json import to_json
from decoders.framefiles import read_telegrams
from decoders.report import decode_lines
from registry.csv_table import read_table
from registry.key_text import AES_BYTES, DES_BYTES, parse_key


def decode(
    files: Annotated[list[Path], typer.Argument(help="Frame files.", exists=True, dir_okay=False)],
    keys: Annotated[
        Path | None, typer.Option(help="CSV with manufacturer, serial, version, device_type, key.", exists=True)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the result goes; standard output by default.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say byte by byte what each telegram holds.")] = False,
) -> None:
    """Writes one JSON object per telegram, in input order; or, with --explain, a page for people."""
    rows = pl.concat([read_telegrams(file.read_bytes(), file.name) for file in files])
    secrets = _keys(keys)
    if explain:
        text = explanations(rows, secrets, colour=out is None and sys.stdout.isatty())
    else:
        text = "".join(to_json(item) + "\n" for item in decode_lines(rows, secrets))
    if out is None:
        sys.stdout.write(text)
        return
    partial = out.with_name(out.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(out)


def _keys(file: Path | None) -> dict[str, list[bytes]]:
    """Keys by meter; where version and type are not given, the serial decides.

    Raises:
        RegistryError: The file is no CSV in UTF-8, or lacks a column.
    """
    if file is None:
        return {}
    table = read_table(file.read_bytes(), file.name, ("manufacturer", "serial", "key"), ("version", "device_type"))
    secrets: dict[str, list[bytes]] = {}
    columns = ("source_line", "reason", "manufacturer", "serial", "version", "device_type", "key")
    for line, reason, manufacturer, serial, version, device_type, text in table.select(columns).rows():
        if reason:
            complain(f"{file.name} line {line}: {reason}.")
            continue
        if not text:
            continue
        key = parse_key(text, AES_BYTES, DES_BYTES)
        if key is None or not manufacturer or not serial:
            complain(f"{file.name} line {line}: no meter, or the key is not 32 hex digits (of DES, 16).")
            continue
        meter = f"{manufacturer.upper()}-{serial.zfill(8).lower()}"
        if version and device_type:
            meter += f"-{version.lower().zfill(2)}-{device_type.lower().zfill(2)}"
        secrets.setdefault(meter, []).append(key)
    return secrets
