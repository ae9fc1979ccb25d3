"""A report as PDF."""

from html import escape
from io import BytesIO

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from dashboards.sheets.sheet import Part, Sheet
from warehouse.pdf_fonts import BOLD, FONT, fonts, plain

_INK, _GREY, _PALE = HexColor("#1d2733"), HexColor("#5a6572"), HexColor("#c5ccd4")
_BODY = {"fontName": FONT, "fontSize": 8, "leading": 11, "textColor": _INK}
_MARGIN = 40


def pdf(sheet: Sheet) -> bytes:
    """The report on A4 pages with their numbers.

    Returns:
        The file; its texts can be searched and copied.
    """
    fonts()
    body = ParagraphStyle("body", **_BODY)
    title = ParagraphStyle("title", **{**_BODY, "fontName": BOLD, "fontSize": 14, "leading": 20})
    heading = ParagraphStyle("heading", **{**_BODY, "fontName": BOLD, "fontSize": 9.5}, spaceBefore=12, spaceAfter=4)
    note = ParagraphStyle("note", **{**_BODY, "fontSize": 7, "leading": 9.5, "textColor": _GREY})

    def said(text: str, style: ParagraphStyle) -> Paragraph:
        return Paragraph(escape(plain(text)), style)

    facts = Table([[said(name, note), said(value, body)] for name, value in sheet.about], colWidths=[120, None])
    facts.hAlign = "LEFT"
    facts.setStyle([("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)])
    story: list[Flowable] = [said(sheet.title, title), facts, Spacer(0, 8), sheet.drawing]
    for part in sheet.parts:
        story += [said(part.title, heading), _table(part)]
    story += [Spacer(0, 10), *(said(text, note) for text in sheet.notes)]
    written = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN)
    document = SimpleDocTemplate(
        written, pagesize=A4, title=plain(sheet.title), author="Meterhouse", lang=sheet.language, **margins
    )
    document.build(story, onFirstPage=_number, onLaterPages=_number)
    return written.getvalue()


def _table(part: Part) -> LongTable:
    rows = [tuple(map(plain, row)) for row in (part.headings, *part.rows)]
    table = LongTable(rows, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), FONT, 7),
            ("FONT", (0, 0), (-1, 0), BOLD, 7),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _PALE),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            *(("ALIGN", (column, 0), (column, -1), "RIGHT") for column in part.numbers),
        ]
    )
    return table


def _number(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont(FONT, 7)
    canvas.setFillColor(_GREY)
    canvas.drawRightString(A4[0] - _MARGIN, 8 * mm, str(document.page))
