"""The model of an import profile."""

import re
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, field_validator, model_validator

from registry.profiles.fields import FIELDS, FINAL, INITIAL, Kind

Encoding = Literal[
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "iso-8859-15", "cp1250", "cp1252", "cp850", "cp865"
]

_TIME_CODES = "YymdHMSz"
_FORMAT = re.compile(rf"(?:%[{_TIME_CODES}]|[T :./,\-])+")

Text = Annotated[str, Field(min_length=1, max_length=200)]
Header = Annotated[str, Field(min_length=1, max_length=100)]
TreePath = Annotated[str, Field(pattern=r"^[^/]+(/[^/]+)*$", max_length=200)]
Position = Annotated[StrictInt, Field(ge=1, le=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ZeroPad(_Model):
    """Puts zeros in front until the text is this long."""

    zero_pad: Annotated[StrictInt, Field(ge=1, le=32)]


class Extract(_Model):
    """Keeps what the first group of a regular expression finds; a line where it finds nothing is rejected."""

    extract: Text

    @field_validator("extract")
    @classmethod
    def _has_a_group(cls, value: str) -> str:
        try:
            groups = pl.select(pl.lit("").str.extract_groups(value)).to_series().dtype
        except pl.exceptions.PolarsError:
            raise ValueError(f"{value!r} is no regular expression") from None
        if not groups.to_schema():  # type: ignore[attr-defined]  # a struct of its groups
            raise ValueError(f"{value!r} has no group in brackets")
        return value


Transform = Literal["upper", "lower"] | ZeroPad | Extract


class Source(_Model):
    """Where a field comes from: columns, a part of a fixed-width line, places in a row of JSON or XML, or a constant.

    Attributes:
        column: Header of the column, or its position from 1; of several, the texts are joined with a blank.
        start: First character of the field in a fixed-width line, from 1.
        width: Its characters.
        path: Place in a row of JSON or XML: names of members or elements with slashes between them, ``@name`` for an
            attribute, ``.`` for the name of the row's own element, or of the list that it stands in. Of several, the
            texts are joined with a blank.
        constant: What the field is in every line.
        transforms: What is done with the text, in this order; blanks around it are always taken away.
        values: What texts of the file mean; others stay as they are.
    """

    column: Header | Position | Annotated[tuple[Header | Position, ...], Field(min_length=1, max_length=8)] | None = (
        None
    )
    start: Position | None = None
    width: Position | None = None
    path: TreePath | Annotated[tuple[TreePath, ...], Field(min_length=1, max_length=8)] | None = None
    constant: Text | None = None
    transforms: Annotated[tuple[Transform, ...], Field(max_length=8)] = ()
    values: Annotated[dict[str, Text], Field(max_length=2000)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.start is None) != (self.width is None):
            raise ValueError("start and width go together")
        if sum(found is not None for found in (self.column, self.start, self.path, self.constant)) != 1:
            raise ValueError("give either column, or start and width, or path, or constant")
        return self

    @property
    def columns(self) -> tuple[str | int, ...]:
        """The columns, none for a constant or a part of a fixed-width line."""
        if self.column is None:
            return ()
        return self.column if isinstance(self.column, tuple) else (self.column,)

    @property
    def paths(self) -> tuple[str, ...]:
        """The places in a row of JSON or XML; none for other sources."""
        if self.path is None:
            return ()
        return self.path if isinstance(self.path, tuple) else (self.path,)


def _short(value: Any) -> Any:
    """A field that is nothing but a column may be written as that column."""
    return {"column": value} if isinstance(value, str | int | list) and not isinstance(value, bool) else value


class Profile(_Model):
    """How to read a file.

    Attributes:
        name: Its name; that of its file.
        kind: What the lines are.
        about: What files it is for.
        format: ``text``, ``json`` or ``xml``; of the settings below, the latter two use ``encoding`` (JSON alone), the
            marks of numbers, ``date_format`` and ``time_zone``.
        rows: Where the rows of a JSON or XML file are: names with slashes between them, in XML with that of the root;
            ``.`` for the whole document. Where a name leads to a list, all in it are meant.
        separator: What stands between the fields; not used where fields have a start and a width.
        quote: What fields with separators stand in; empty for nothing.
        header: Whether the first line names the columns.
        encoding: Encoding of the file.
        decimal_mark: Of numbers.
        thousands_mark: Between groups of three digits; empty for none.
        date_format: Form of dates and times, such as ``%d-%m-%Y``; empty for ISO 8601.
        time_zone: Zone of times without offset; the utility's by default.
        own_names: Whether columns that are named as fields are these fields.
        fields: Where fields come from.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    kind: Kind
    about: Annotated[str, Field(max_length=500)] = ""
    format: Literal["text", "json", "xml"] = "text"
    rows: Annotated[
        tuple[TreePath, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(max_length=8),
    ] = ()
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    header: bool = True
    encoding: Encoding = "utf-8"
    decimal_mark: Literal[".", ","] = "."
    thousands_mark: Literal["", ".", ",", " ", "'"] = ""
    date_format: Annotated[str, Field(max_length=40)] = ""
    time_zone: Annotated[str, Field(max_length=64)] = ""
    own_names: bool = False
    fields: Annotated[dict[str, Annotated[Source, BeforeValidator(_short)]], Field(max_length=100)] = Field(
        default_factory=dict
    )

    @model_validator(mode="before")
    @classmethod
    def _short_paths(cls, facts: Any) -> Any:
        """Where rows are no lines, a field that is nothing but its place may be written as that."""
        fields = facts.get("fields") if isinstance(facts, dict) and facts.get("format") in ("json", "xml") else None
        if not isinstance(fields, dict):
            return facts
        placed = {name: {"path": value} if isinstance(value, str | list) else value for name, value in fields.items()}
        return {**facts, "fields": placed}

    @field_validator("separator", "quote")
    @classmethod
    def _no_line_end(cls, value: str) -> str:
        if value in ("\r", "\n", "\0"):
            raise ValueError("a line end separates lines, not fields")
        return value

    @field_validator("date_format")
    @classmethod
    def _known_codes(cls, value: str) -> str:
        if value and not (_FORMAT.fullmatch(value) and "%m" in value and "%d" in value and "%y" in value.lower()):
            raise ValueError(f"the form {value!r} needs day, month and year, of %{', %'.join(_TIME_CODES)}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key if value else value
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone") from None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        known = [field.name for field in FIELDS[self.kind]]
        strange = [name for name in self.fields if name not in known and not self._names_a_register(name)]
        if strange:
            raise ValueError(f"{self.kind} have no field {strange[0]!r}; there are {', '.join(known)}")
        if self.separator == self.quote:
            raise ValueError("separator and quote are the same")
        if self.thousands_mark == self.decimal_mark:
            raise ValueError("thousands_mark and decimal_mark are the same")
        columns = [column for source in self.fields.values() for column in source.columns]
        if self.fixed_width and (columns or self.own_names):
            raise ValueError("fields with start and width do not go with columns or own_names")
        if bool(self.rows) != self.is_tree:
            raise ValueError("rows are of files in JSON or XML, which need them")
        if any(bool(source.paths) != self.is_tree for source in self.fields.values() if source.constant is None):
            raise ValueError("fields of files in JSON or XML have a path, those of other files have none")
        if self.is_tree and self.own_names:
            raise ValueError("own_names do not go with JSON or XML")
        if not self.header and (self.own_names or any(isinstance(column, str) for column in columns)):
            raise ValueError("without a header, columns go by their positions")
        given = self.fields.keys() if not self.own_names else known
        missing = [field.name for field in FIELDS[self.kind] if field.needed and field.name not in given]
        if missing:
            raise ValueError(f"{self.kind} need {', '.join(missing)}")
        return self

    def _names_a_register(self, name: str) -> bool:
        return self.kind == "exchanges" and name.startswith((FINAL, INITIAL))

    @property
    def is_tree(self) -> bool:
        """Whether rows are parts of a JSON or XML document."""
        return self.format != "text"

    @property
    def fixed_width(self) -> bool:
        """Whether lines have fields of fixed width."""
        return any(source.start is not None for source in self.fields.values())
