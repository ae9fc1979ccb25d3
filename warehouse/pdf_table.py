"""A frame as a PDF: a title and a table over as many pages as it needs."""

from html import escape
from io import BytesIO

import polars as pl
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from warehouse.pdf_fonts import BOLD, FONT, fonts, plain

MOST_ROWS = 5_000
"""Rows beyond which nobody reads paper, and which take the library long."""

_PAGE = landscape(A4)
_MARGIN, _GAP = 30, 6
_LARGEST, _SMALLEST = 7.0, 3.5
_PALE = HexColor("#c5ccd4")


def pdf_table(frame: pl.DataFrame, title: str, language: str) -> bytes:
    """Writes a table on A4 pages in landscape format, with their numbers; letters are as small as its width needs.

    Args:
        frame: At most :data:`MOST_ROWS` rows. Instants are shown with their zone, null is an empty cell.
        title: What it is about.
        language: Two letters.

    Returns:
        The file; its texts can be searched and copied.

    Raises:
        ValueError: There are more rows.
    """
    if frame.height > MOST_ROWS:
        raise ValueError(f"A PDF takes {MOST_ROWS:,} rows at most, and the result has {frame.height:,}.")
    fonts()
    shown = frame.select(_text(name, dtype) for name, dtype in frame.schema.items())
    rows = [tuple(frame.columns), *shown.rows()]
    width = sum(_width(name, shown[name]) for name in shown.columns)
    size = max(_SMALLEST, min(_LARGEST, (_PAGE[0] - 2 * _MARGIN - _GAP * frame.width) / max(width, 1.0)))
    table = LongTable([tuple(map(plain, row)) for row in rows], repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), FONT, size),
            ("FONT", (0, 0), (-1, 0), BOLD, size),
            ("LEADING", (0, 0), (-1, -1), size * 1.3),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _PALE),
            *((side, (0, 0), (-1, -1), 1.5) for side in ("TOPPADDING", "BOTTOMPADDING")),
            *((side, (0, 0), (-1, -1), _GAP / 2) for side in ("LEFTPADDING", "RIGHTPADDING")),
            *(
                ("ALIGN", (place, 0), (place, -1), "RIGHT")
                for place, dtype in enumerate(frame.dtypes)
                if dtype.is_numeric()
            ),
        ]
    )
    heading = ParagraphStyle("title", fontName=BOLD, fontSize=12, leading=16)
    written = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN)
    document = SimpleDocTemplate(
        written, pagesize=_PAGE, title=plain(title), author="Meterhouse", lang=language, **margins
    )
    document.build(
        [Paragraph(escape(plain(title)), heading), Spacer(0, 8), table], onFirstPage=_number, onLaterPages=_number
    )
    return written.getvalue()


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        column = column.dt.strftime("%Y-%m-%d %H:%M %Z" if dtype.time_zone else "%Y-%m-%d %H:%M")
    elif dtype.is_float():
        column = column.round(3).cast(pl.String)
    elif isinstance(dtype, pl.List):
        column = column.cast(pl.List(pl.String)).list.join(", ")
    return column.cast(pl.String).fill_null("")


def _width(name: str, texts: pl.Series) -> float:
    """Width of a column at one point per letter's height: of its longest text, or its heading."""
    longest = texts.gather(texts.str.len_chars().arg_max() or 0)[0] if texts.len() else ""
    return float(max(stringWidth(name, BOLD, 1), stringWidth(plain(str(longest)), FONT, 1)))


def _number(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont(FONT, 7)
    canvas.drawRightString(_PAGE[0] - _MARGIN, _MARGIN / 2, str(document.page))
