"""Excel workbooks as office programs write them, with as little in them as a reader needs."""

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(*sheets: Sequence[Sequence[object]], first_cell: str = "A1") -> bytes:
    """A workbook.

    Args:
        sheets: Rows of cells of each sheet: numbers, texts (shared strings), ``None`` for no cell.
        first_cell: Place that is written on the first cell of each sheet.
    """
    texts: list[str] = []
    parts = {}
    for number, rows in enumerate(sheets, 1):
        lines = []
        for place, row in enumerate(rows, 1):
            cells = []
            for column, value in enumerate(row):
                at = first_cell if (place, column) == (1, 0) else f"{chr(ord('A') + column)}{place}"
                if isinstance(value, str):
                    cells.append(f'<c r="{at}" t="s"><v>{len(texts)}</v></c>')
                    texts.append(value)
                elif value is not None:
                    cells.append(f'<c r="{at}"><v>{value}</v></c>')
            lines.append(f'<row r="{place}">{"".join(cells)}</row>')
        data = f"<worksheet {_MAIN}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        parts[f"xl/worksheets/sheet{number}.xml"] = data
    names = [f"sheet{number}" for number in range(1, len(sheets) + 1)]
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="{name}"/>' for n, name in enumerate(names, 1))
    links = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/worksheet" Target="worksheets/{name}.xml"/>' for name in names
    )
    links += f'<Relationship Id="texts" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    parts |= {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="{_TYPE}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="book" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        "xl/sharedStrings.xml": f"<sst {_MAIN}>{shared}</sst>",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()
