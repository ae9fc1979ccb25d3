"""A frame as an Excel workbook of one sheet, written column by column."""

import io
import zipfile
from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_DAY, _INSTANT, _HEAD = 1, 2, 3
"""Numbers of the styles below."""
_STYLES = (
    f'{_XML}<styleSheet {_MAIN}><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font/><font><b/></font></fonts><fills count="2"><fill/><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/>'
    '<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/>'
    '<xf fontId="1" applyFont="1"/></cellXfs></styleSheet>'
)
_PARTS = {
    "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="book" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_XML}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Meterhouse" sheetId="1" r:id="sheet"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="sheet" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="styles" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": _STYLES,
}
_EPOCH_DAYS = 25_569  # from Excel's day 0 to 1970-01-01
_DAY_US = 86_400_000_000


def workbook(frame: pl.DataFrame, headings: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Writes a workbook.

    Numbers are numbers (a decimal with all its digits, of which a spreadsheet keeps 15), days and instants are dates,
    texts are texts whatever they begin with, null is an empty cell. An instant is the clock time of its column's zone,
    which the heading names: workbooks know no zones, so that the two hours of the autumn change look alike.

    Args:
        frame: At most :data:`MOST_ROWS` rows.
        headings: Text by column; a column without one has its name.

    Returns:
        The file.

    Raises:
        ValueError: There are more rows than a sheet has.
    """
    if frame.height > MOST_ROWS:
        raise ValueError(f"A sheet has {MOST_ROWS:,} rows at most, and the result {frame.height:,}.")
    heads = [_head(headings.get(name, name), dtype) for name, dtype in frame.schema.items()]
    lines = ""
    if frame.width and frame.height:
        cells = [_cell(name, dtype) for name, dtype in frame.schema.items()]
        row = pl.concat_str(pl.lit("<row>"), *cells, pl.lit("</row>"))
        lines = frame.select(row.alias("row"))["row"].str.join().item()
    sheet = (
        f'{_XML}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
        f"<sheetData><row>{''.join(heads)}</row>{lines}</sheetData></worksheet>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for part, text in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(zipfile.ZipInfo(part), text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _head(heading: str, dtype: pl.DataType) -> str:
    zone = f" ({dtype.time_zone})" if isinstance(dtype, pl.Datetime) and dtype.time_zone else ""
    text = pl.select(_escaped(pl.lit(heading + zone))).item()
    return f'<c t="inlineStr" s="{_HEAD}"><is><t xml:space="preserve">{text}</t></is></c>'


def _cell(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        local = column.dt.replace_time_zone(None).cast(pl.Datetime("us"))
        return _number(local.cast(pl.Int64) / _DAY_US + _EPOCH_DAYS, _INSTANT)
    if dtype == pl.Date:
        return _number(column.cast(pl.Int32) + _EPOCH_DAYS, _DAY)
    if dtype == pl.Boolean:
        return _wrapped('<c t="b"><v>', column.cast(pl.Int8).cast(pl.String), "</v></c>")
    if dtype.is_float():
        return _number(pl.when(column.is_finite()).then(column))
    if dtype.is_numeric():
        return _number(column)
    if dtype == pl.Binary:
        column = column.bin.encode("hex")
    elif dtype.is_nested():
        is_list = isinstance(dtype, pl.List)
        column = column.cast(pl.List(pl.String)).list.join(", ") if is_list else column.struct.json_encode()
    text = _escaped(column.cast(pl.String))
    return _wrapped('<c t="inlineStr"><is><t xml:space="preserve">', text, "</t></is></c>")


def _number(value: pl.Expr, style: int = 0) -> pl.Expr:
    return _wrapped(f'<c s="{style}"><v>', value.cast(pl.String), "</v></c>")


def _wrapped(before: str, text: pl.Expr, after: str) -> pl.Expr:
    return (
        pl.when(text.is_not_null()).then(pl.concat_str(pl.lit(before), text, pl.lit(after))).otherwise(pl.lit("<c/>"))
    )


def _escaped(text: pl.Expr) -> pl.Expr:
    """A text as XML; what XML cannot hold is left out, and what a cell cannot is cut off."""
    plain = text.str.slice(0, 32_767).str.replace_all(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]", "")
    return plain.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])
