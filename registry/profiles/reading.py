"""The lines of a file, by a profile, as text columns in the spelling of the predefined profiles."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from registry.csv_table import LINE, REASON, reject
from registry.errors import RegistryError
from registry.profiles.fields import FIELDS, FINAL, INITIAL, Field
from registry.profiles.model import Extract, Profile, Source, Transform, ZeroPad
from registry.profiles.trees import json_rows, xml_rows
from warehouse.formulas import bare_texts

_DAMAGED = "\ufffd"
"""What stands for bytes that are no text in the file's encoding."""

_ONE_BYTE = ("latin-1", "iso-8859-15", "cp1250", "cp1252", "cp850", "cp865")
_SHOWN_COLUMNS = 10
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file.

    Attributes:
        table: ``source_line`` (from 1), ``reason`` (why a line cannot be used, else null) and the fields of the kind as
            text, trimmed, empty as null; numbers with a decimal point, times in ISO 8601. Registers have a column where
            the file has one, other fields always.
        warnings: What is odd about the file as a whole, for people.
    """

    table: pl.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()


_Record = tuple[int, list[str], str | None]
"""Number of the line, its cells, and why they cannot be used."""


def read_lines(content: bytes, name: str, profile: Profile) -> Lines:
    """Reads a file.

    Args:
        content: Its bytes.
        name: Its name, for messages.
        profile: How to read it.

    Returns:
        Its lines.

    Raises:
        RegistryError: The file as a whole is unfit: empty, binary, or without a needed column. The message shows
            nothing of its content, which may be a key.
    """
    if profile.is_tree:
        return _of_tree(content, name, profile)
    text = _decoded(content, name, profile)
    records = _fixed(text, profile) if profile.fixed_width else _separated(text, profile)
    if profile.fixed_width:
        places: dict[str, tuple[int, ...]] = {name: (number,) for number, name in enumerate(_slices(profile))}
        width, warnings = len(places), list[str]()
    else:
        first = next(records, (0, [], None))
        places, warnings = _places(profile, first, name)
        width = len(first[1])
        records = records if profile.header else chain([first], records)
    raw = _frame(records, places, width, None if text.isascii() else profile.encoding)
    return Lines(_judged(raw, places, profile), tuple(warnings))


def _of_tree(content: bytes, name: str, profile: Profile) -> Lines:
    """The rows of a JSON or XML document; their places in it count as lines."""
    paths = list(dict.fromkeys(path for source in profile.fields.values() for path in source.paths))
    if profile.format == "xml":
        rows, encoding = xml_rows(content, name, profile.rows, paths), None
    else:
        text = _decoded(content, name, profile)
        rows, encoding = json_rows(text, name, profile.rows, paths), None if text.isascii() else profile.encoding
    there = {path for place, path in enumerate(paths) if any(cells[place] is not None for _, cells, _ in rows)}
    absent = {
        field_name: " and ".join(path for path in source.paths if path not in there)
        for field_name, source in profile.fields.items()
        if not there.issuperset(source.paths)
    }
    if needed := [absent[entry.name] for entry in FIELDS[profile.kind] if entry.needed and entry.name in absent]:
        raise RegistryError(f"{name} lacks {', '.join(needed)} in its rows.")
    places = {
        field_name: tuple(paths.index(path) for path in source.paths)
        for field_name, source in profile.fields.items()
        if source.paths
    }
    records = ((number, [cell or "" for cell in cells], fault) for number, cells, fault in rows)
    raw = _frame(records, places, len(paths), encoding)
    warnings = [f"{name} has no {path} (for {field_name})." for field_name, path in absent.items()]
    return Lines(_judged(raw, places, profile), tuple(warnings))


def _judged(raw: pl.DataFrame, places: dict[str, tuple[int, ...]], profile: Profile) -> pl.DataFrame:
    """The fields of the lines, with what speaks against each line."""
    table = _fields(raw, places, profile)
    fields = _kinds(table, profile)
    return _spelled(check_texts(table, fields), fields, profile)


def _decoded(content: bytes, name: str, profile: Profile) -> str:
    """The file's text; bytes that are none in its encoding leave a mark, so that their line can be named."""
    encoding = profile.encoding
    if encoding == "utf-8" and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RegistryError(f"{name} is UTF-16, not UTF-8; name its encoding in a profile.")
    text = content.removeprefix(codecs.BOM_UTF8).decode(encoding, errors="replace").removeprefix("\ufeff")
    if "\0" in text:
        raise RegistryError(f"{name} is a binary file or not {encoding.upper()}; save it as text in that encoding.")
    if not text.strip():
        raise RegistryError(f"{name} is empty.")
    return text


def _separated(text: str, profile: Profile) -> Iterator[_Record]:
    """Lines of separated fields; a line that is no CSV is named, and the rest goes on."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=profile.separator,
        quotechar=profile.quote or None,
        quoting=csv.QUOTE_MINIMAL if profile.quote else csv.QUOTE_NONE,
    )
    while True:
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield reader.line_num, [], f"no CSV: {exc}"
            continue
        if any(map(str.strip, cells)):
            several = reader.line_num - before > 1
            fault = f"a field runs from line {before + 1} to {reader.line_num}: no line break may stand in it"
            yield (before + 1 if several else reader.line_num), cells, fault if several else None


def _slices(profile: Profile) -> dict[str, slice]:
    """Where the fields of a fixed-width line are."""
    return {
        name: slice(source.start - 1, source.start - 1 + source.width)
        for name, source in profile.fields.items()
        if source.start is not None and source.width is not None
    }


def _fixed(text: str, profile: Profile) -> Iterator[_Record]:
    slices = tuple(_slices(profile).values())
    lines = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    written = ((number, line) for number, line in lines if line.strip(" \t\x1a"))  # 1A ends files of old hosts
    if profile.header:
        next(written, None)
    return ((number, [line[place] for place in slices], None) for number, line in written)


def _places(profile: Profile, first: _Record, name: str) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """The columns of each field, by the first line; what is odd about that line."""
    header = [_folded(cell) for cell in first[1]] if profile.header else []
    if profile.header and (first[2] or any(_DAMAGED in cell for cell in header)):
        raise RegistryError(f"The first line of {name} names no columns: {first[2] or 'it is in another encoding'}.")
    places: dict[str, tuple[int, ...]] = {}
    absent: dict[str, str] = {}
    for field_name, source in profile.fields.items():
        found = [_place(column, header, len(first[1])) for column in source.columns]
        if None in found:
            absent[field_name] = " and ".join(str(column) for column in source.columns)
        elif found:
            places[field_name] = tuple(place for place in found if place is not None)
    if profile.own_names:
        own = {entry.name for entry in FIELDS[profile.kind]}
        for place, column in enumerate(header):
            if (column in own or _names_register(profile, column)) and column not in profile.fields:
                places[column] = (place,)
    here = places.keys() | {field_name for field_name, source in profile.fields.items() if source.constant is not None}
    needed = [entry.name for entry in FIELDS[profile.kind] if entry.needed and entry.name not in here]
    if needed:
        # What stands in the first line is not shown: without a header it may be a key.
        names = ", ".join(absent.get(column, column) for column in needed)
        hint = f" Is {profile.separator!r} what separates its fields?" if len(first[1]) == 1 else ""
        raise RegistryError(f"{name} lacks the columns {names} in its first line.{hint}")
    used = {place for found in places.values() for place in found}
    if any(header.count(header[place]) > 1 for place in used if header):
        raise RegistryError(f"{name} names a column twice.")
    warnings = [f"{name} has no column {column} (for {field_name})." for field_name, column in absent.items()]
    unknown = [_shown(cell, place) for place, cell in enumerate(first[1]) if place not in used and cell.strip()]
    if profile.header and unknown:
        more = f" and {len(unknown) - _SHOWN_COLUMNS} more" if len(unknown) > _SHOWN_COLUMNS else ""
        warnings.append(f"{name} has columns that are not used: {', '.join(unknown[:_SHOWN_COLUMNS])}{more}.")
    return places, warnings


def _names_register(profile: Profile, column: str) -> bool:
    """Whether a column is meant as a register of an exchange; one that there is not is refused later."""
    return profile.kind == "exchanges" and column.startswith((FINAL, INITIAL))


def _place(column: str | int, header: Sequence[str], width: int) -> int | None:
    if isinstance(column, int):
        return column - 1 if column <= width else None
    folded = _folded(column)
    return header.index(folded) if folded in header else None


def _folded(header: str) -> str:
    return " ".join(header.split()).lower()


def _shown(cell: str, place: int) -> str:
    """A header for people; not where it may be a key."""
    text = " ".join(cell.split())
    return f"no. {place + 1}" if re.search(r"[0-9A-Fa-f]{16}", text) else text[:_SHOWN_CHARACTERS]


def _damage(cells: Sequence[str], encoding: str) -> str | None:
    """Why the cells of a line are in another encoding than the file is said to be."""
    for cell in cells:
        if cell.isascii():
            continue
        if _DAMAGED in cell:
            return f"a text is not {encoding.upper()}"
        if encoding in _ONE_BYTE:
            try:
                cell.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            return f"a text is UTF-8, not {encoding.upper()}"
    return None


def _frame(
    records: Iterator[_Record], places: dict[str, tuple[int, ...]], width: int, encoding: str | None
) -> pl.DataFrame:
    """The used columns, by their places; ``encoding`` where it is to be judged."""
    numbers: list[int] = []
    faults: list[str | None] = []
    rows: list[list[str]] = []
    for number, cells, said in records:
        fault = said
        if fault is None and len(cells) != width:
            fault = f"{len(cells)} fields instead of {width}"
        if fault is None and encoding is not None:
            fault = _damage(cells, encoding)
        numbers.append(number)
        faults.append(fault)
        rows.append(cells if len(cells) == width else (cells + [""] * width)[:width])
    used = sorted({place for found in places.values() for place in found})
    return pl.DataFrame(
        [
            pl.Series(LINE, numbers, pl.Int64),
            pl.Series(REASON, faults, pl.String),
            *(pl.Series(str(place), [row[place] for row in rows], pl.String) for place in used),
        ]
    )


def _fields(raw: pl.DataFrame, places: dict[str, tuple[int, ...]], profile: Profile) -> pl.DataFrame:
    """The fields of the kind, transformed; registers only where the file has them."""
    rules: list[tuple[pl.Expr, str]] = []
    columns: dict[str, pl.Expr] = {}
    for name in (*places, *profile.fields):
        source = profile.fields.get(name)
        if name in places:
            stands = bare_texts(_trimmed(_joined(places[name])))
            columns[name] = _transformed(stands, source) if source else stands
            if source and any(isinstance(transform, Extract) for transform in source.transforms):
                rules.append((stands.is_not_null() & columns[name].is_null(), f"{name} is not of the profile's form"))
        elif source and source.constant is not None:
            columns[name] = _transformed(pl.lit(source.constant), source)
    for entry in FIELDS[profile.kind]:
        if entry.form != "number" or profile.kind in ("customers", "meters"):
            columns.setdefault(entry.name, pl.lit(None, pl.String))
    judged = reject(raw, rules) if rules else raw
    return judged.select(LINE, REASON, *(column.alias(name) for name, column in columns.items()))


def _joined(places: tuple[int, ...]) -> pl.Expr:
    cells = [pl.col(str(place)) for place in places]
    if len(cells) == 1:
        return cells[0]
    return pl.concat_str([_trimmed(cell) for cell in cells], separator=" ", ignore_nulls=True)


def _trimmed(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().replace("", None)


def _transformed(text: pl.Expr, source: Source) -> pl.Expr:
    for transform in source.transforms:
        text = _STEPS[type(transform)](text, transform)
    return _trimmed(text.replace(source.values) if source.values else text)


def _cased(text: pl.Expr, transform: Transform) -> pl.Expr:
    return text.str.to_uppercase() if transform == "upper" else text.str.to_lowercase()


def _padded(text: pl.Expr, transform: Transform) -> pl.Expr:
    return text.str.zfill(transform.zero_pad) if isinstance(transform, ZeroPad) else text


def _extracted(text: pl.Expr, transform: Transform) -> pl.Expr:
    return text.str.extract(transform.extract) if isinstance(transform, Extract) else text


_STEPS: dict[type, Callable[[pl.Expr, Transform], pl.Expr]] = {str: _cased, ZeroPad: _padded, Extract: _extracted}


def _kinds(table: pl.DataFrame, profile: Profile) -> list[Field]:
    """The fields of the table's columns; a register that there is not is a number, too, until it is refused."""
    known = {entry.name: entry for entry in FIELDS[profile.kind]}
    return [known.get(name, Field(name, form="number")) for name in table.columns if name not in (LINE, REASON)]


def check_texts(table: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Finds texts that no field may have, whatever it means."""
    rules: list[tuple[pl.Expr, str]] = []
    for entry in fields:
        text = pl.col(entry.name)
        rules.append((text.str.len_chars() > entry.longest, f"{entry.name} is longer than {entry.longest} characters"))
        rules.append((text.str.contains(r"\p{Cc}"), f"{entry.name} holds a control character"))
        if entry.free:
            signed = text.str.contains(r"^[+-]") & ~text.str.contains(r"^[+-][0-9\s().,/-]*$")
            rules.append((text.str.contains(r"^[=@]") | signed, f"{entry.name} looks like a formula"))
    return reject(table, rules)


def _spelled(table: pl.DataFrame, fields: Sequence[Field], profile: Profile) -> pl.DataFrame:
    """Numbers and times as the predefined profiles write them."""
    rules: list[tuple[pl.Expr, str]] = []
    columns: dict[str, pl.Expr] = {}
    for entry in fields:
        text = pl.col(entry.name)
        if entry.form == "number" and (profile.decimal_mark, profile.thousands_mark) != (".", ""):
            mark, group = re.escape(profile.decimal_mark), re.escape(profile.thousands_mark)
            plain, grouped = rf"[0-9]+({mark}[0-9]+)?", rf"[0-9]{{1,3}}({group}[0-9]{{3}})+({mark}[0-9]+)?"
            form = rf"^[+-]?({plain}|{grouped})$" if group else rf"^[+-]?{plain}$"
            rules.append((~text.str.contains(form), f"{entry.name} is no number as the profile writes them"))
            bare = text.str.replace_all(profile.thousands_mark, "", literal=True) if group else text
            columns[entry.name] = bare.str.replace(profile.decimal_mark, ".", literal=True)
        elif entry.form == "time" and profile.date_format:
            columns[entry.name] = _iso(text, profile.date_format)
            rules.append(
                (text.is_not_null() & columns[entry.name].is_null(), f"{entry.name} is no {profile.date_format}")
            )
    return reject(table, rules).with_columns(**columns) if columns else table


def _iso(text: pl.Expr, form: str) -> pl.Expr:
    """Times of a form as ISO 8601; null where they are not of it."""
    if "%z" in form:
        return text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False).dt.strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    if "%H" in form:
        return text.str.to_datetime(form, time_unit="us", strict=False).dt.strftime("%Y-%m-%dT%H:%M:%S")
    return text.str.to_date(form, strict=False).dt.strftime("%Y-%m-%d")
