"""A report of one subject: what it says, before it is written as HTML or PDF."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Drawing


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a report.

    Attributes:
        title: Its heading.
        headings: Of the columns.
        rows: Texts, as many as headings in each.
        numbers: Columns that stand to the right.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report.

    Attributes:
        language: Two letters.
        title: What it is about.
        about: Facts by their names, in order; totals among them.
        drawing: The figure.
        parts: Tables below it.
        notes: Sentences at the end.
    """

    language: str
    title: str
    about: list[tuple[str, str]]
    drawing: Drawing
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 52rem; padding: 0 1rem; color: #1d2733; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; }
dt { color: #5a6572; } dd { margin: 0; }
svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; border-bottom: 2px solid #c5ccd4; } td { border-bottom: 1px solid #e3e7ec; }
th, td { padding: .25rem .6rem; } .n { text-align: right; }
footer { margin-top: 2rem; color: #5a6572; font-size: .85rem; }
"""


def html(sheet: Sheet) -> bytes:
    """The report as one file that needs no other: no script, no address, nothing loaded.

    Returns:
        HTML, UTF-8.
    """
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in sheet.about)
    notes = "".join(f"<p>{escape(note)}</p>" for note in sheet.notes)
    title = escape(sheet.title)
    page = (
        f'<!doctype html><html lang="{sheet.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><dl>{facts}</dl>"
        f"{_svg(sheet)}{''.join(map(_table, sheet.parts))}<footer>{notes}</footer></body></html>"
    )
    return page.encode()


def _svg(sheet: Sheet) -> str:
    text: str = renderSVG.drawToString(sheet.drawing)
    drawn = text[text.index("<svg") :].replace("font-family: Vera", "font-family: sans-serif")
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(sheet.title)}"', 1)


def _table(part: Part) -> str:
    def cells(tag: str, texts: tuple[str, ...]) -> str:
        parts = []
        for column, text in enumerate(texts):
            kind = ' class="n"' if column in part.numbers else ""
            parts.append(f"<{tag}{kind}>{escape(text)}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(cells("td", row) for row in part.rows)
    return (
        f"<h2>{escape(part.title)}</h2><table><thead>{cells('th', part.headings)}</thead><tbody>{body}</tbody></table>"
    )
