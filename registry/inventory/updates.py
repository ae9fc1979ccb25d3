"""Many meters or metering points changed by a CSV file: first shown, then done, all or nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, REASON, read_table, reject_repeats
from registry.errors import RegistryError
from registry.imports.identity import resolve
from registry.imports.meters import KNOWN_MEDIA
from registry.imports.report import REJECTED
from registry.inventory.fields import Entity, Field, FieldError, fields, set_values, values
from registry.inventory.meters import chunks, get_meters
from registry.inventory.roles import ROLES, write_roles
from registry.models import Meter, MeteringPoint
from registry.profiles.fields import FIELDS
from registry.profiles.fields import Field as ProfileField
from registry.profiles.reading import check_texts
from registry.store import Registry

EMPTY = "<empty>"
"""Empties a field; an empty cell leaves it as it is."""

ATTRIBUTES = ("model", "medium", "meter_number")
"""Columns of meters that may be changed; who a meter is, and its state, may not."""

OF_POINTS = ("role",)
"""Columns of metering points that may be changed."""

CHANGES = pl.Schema(
    {"source_line": pl.Int64, "id": pl.String, "field": pl.String, "before": pl.String, "after": pl.String}
)
SEPARATORS = ",;\t"
"""What may stand between the fields of a file; its first line shows which."""

_IDENTITY = ("manufacturer", "serial", "version", "device_type")
_TEXTS = (*(entry for entry in FIELDS["meters"] if entry.name in ATTRIBUTES), ProfileField("meter_number"))
_SHOWABLE = re.compile(r"[a-z][a-z_]{0,30}")
"""Headers that a message may show; others may be anything, such as a key."""


class Outdated(RegistryError):  # noqa: N818  says itself what happened
    """A file would change something else than was shown of it."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did, or would do.

    Attributes:
        entity: What the file changes.
        changes: ``source_line``, ``id`` (meter or point), ``field``, ``before`` and ``after`` (null where empty).
        unchanged: Lines that change nothing.
        rejected: ``source_line`` and ``reason``.
        applied: Whether it is done.
    """

    entity: Entity
    changes: pl.DataFrame
    unchanged: int
    rejected: pl.DataFrame = field(repr=False)
    applied: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What a line changes.

    Attributes:
        number: The line, from 1.
        entity_id: Meter or point.
        before: Fields that change, as they are.
        after: The same fields as they are to be; ``None`` where empty.
    """

    number: int
    entity_id: str
    before: dict[str, str | None]
    after: dict[str, str | None]

    def change(self) -> audit.Change:
        """The same for the audit log."""
        return audit.Change(self.entity_id, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Judged:
    """What lines come to.

    Attributes:
        lines: Those that change something.
        rejected: ``source_line`` and ``reason``.
        unchanged: Number of those that say what is known.
    """

    lines: list[Line]
    rejected: pl.DataFrame
    unchanged: int


def update_inventory(
    registry: Registry,
    content: bytes,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    source_name: str,
    dry_run: bool = False,
    partial: bool = False,
    shown: pl.DataFrame | None = None,
) -> UpdateReport:
    """Changes attributes and custom fields of meters, or roles and custom fields of metering points.

    Args:
        registry: The registry.
        content: CSV file, with commas, semicolons or tabs. Its lines name a meter by ``meter_id``, or by
            ``manufacturer`` and ``serial`` with ``version`` and ``device_type`` where needed; or else a point by
            ``metering_point``.
        organisation: Owner.
        identity: Who does it.
        now: Instant of the change, UTC.
        source_name: Name of the file.
        dry_run: Whether nothing is changed.
        partial: Whether good lines count although others are rejected.
        shown: Changes of the dry run that somebody looked at; no others are made.

    Returns:
        Every change before and after. Without ``partial``, one rejected line keeps all others from being done.

    Raises:
        RegistryError: The file as a whole is unfit.
        Outdated: The changes are not those that were shown; nothing is changed.
    """
    table, header = _read(content, source_name)
    entity = _entity(header, source_name)
    table = _resolved(registry, organisation, table, header, entity)
    table = reject_repeats(table, ["id"], f"the {entity.value.replace('_', ' ')} stands in an earlier line")
    with registry.begin(readonly=dry_run) as session:
        defined = fields(session, organisation, entity)
        columns = _columns(header, entity, defined, source_name)
        judged = judge_changes(session, organisation, entity, table, columns, defined)
        changes = _changes(judged.lines)
        if shown is not None and not changes.equals(shown):
            raise Outdated(f"What {source_name} would change is not what was shown of it: look at it again.")
        apply = not dry_run and bool(judged.lines) and (partial or judged.rejected.is_empty())
        if apply:
            write_changes(session, organisation, judged.lines, defined)
            audit.record_changes(
                session,
                organisation=organisation,
                event=f"{entity.value}s.update",
                identity=identity,
                now=now,
                changes=[line.change() for line in judged.lines],
                details={"file": source_name},
            )
    return UpdateReport(entity, changes, judged.unchanged, judged.rejected, applied=apply)


def _read(content: bytes, name: str) -> tuple[pl.DataFrame, list[str]]:
    header: list[str] = []

    def note(columns: list[str]) -> list[str]:
        header.extend(columns)
        return columns

    first = content.partition(b"\n")[0].decode(errors="replace")
    delimiter = max(SEPARATORS, key=first.count)
    table = read_table(
        content,
        name,
        (),
        _IDENTITY,
        also=lambda column: column not in (LINE, REASON),
        delimiter=delimiter,
        columns=note,
    )
    return table, header


def _changes(lines: Sequence[Line]) -> pl.DataFrame:
    rows = [
        (line.number, line.entity_id, name, line.before[name], line.after[name])
        for line in lines
        for name in line.after
    ]
    return pl.DataFrame(rows, schema=CHANGES, orient="row")


def _entity(header: list[str], name: str) -> Entity:
    if "meter_id" in header or {"manufacturer", "serial"} <= set(header):
        return Entity.meter
    if "metering_point" in header:
        return Entity.metering_point
    raise RegistryError(f"{name} names neither meters (meter_id, or manufacturer and serial) nor a metering_point.")


def _resolved(
    registry: Registry, organisation: str, table: pl.DataFrame, header: list[str], entity: Entity
) -> pl.DataFrame:
    """The lines with the ``id`` of what they change."""
    if entity is Entity.meter and "meter_id" not in header:
        table = resolve(registry, organisation, table).rename({"meter_id": "id"})
    else:
        table = table.rename({"meter_id" if entity is Entity.meter else "metering_point": "id"})
    nameless = pl.when(pl.col("id").is_null()).then(pl.lit(f"no {entity.value}"))
    return table.with_columns(pl.coalesce(REASON, nameless).alias(REASON))


def _columns(header: list[str], entity: Entity, defined: Mapping[str, Field], name: str) -> list[str]:
    """Columns of the file that change something."""
    changeable = [*(ATTRIBUTES if entity is Entity.meter else OF_POINTS), *defined]
    naming = ("meter_id", *_IDENTITY) if entity is Entity.meter else ("metering_point",)
    unknown = [column for column in header if column and column not in (*changeable, *naming)]
    if unknown:
        shown = [column for column in unknown if _SHOWABLE.fullmatch(column)]
        what = f"columns that cannot be changed: {', '.join(shown)}" if shown else "columns that cannot be changed"
        raise RegistryError(f"{name} has {what}; there are {', '.join(changeable)}.")
    found = [column for column in header if column in changeable]
    if not found:
        raise RegistryError(f"{name} changes nothing; columns that can be changed are {', '.join(changeable)}.")
    return found


def judge_changes(
    session: Session,
    organisation: str,
    entity: Entity,
    table: pl.DataFrame,
    columns: list[str],
    defined: Mapping[str, Field],
) -> Judged:
    """Says which lines change what, which are rejected, and how many say what is known.

    Args:
        session: A transaction.
        organisation: Owner.
        entity: What the lines change.
        table: ``source_line``, ``reason``, ``id`` of the meter or point, and the columns.
        columns: Columns that change something, where they are not null.
        defined: The custom fields of the entity.
    """
    table = check_texts(table, [entry for entry in _TEXTS if entry.name in columns])
    asked = table["id"].drop_nulls().to_list()
    standing = values(session, organisation, entity, asked)
    meters = get_meters(session, organisation, asked) if entity is Entity.meter else {}
    points = _points(session, organisation, asked) if entity is Entity.metering_point else dict[str, str]()
    lines: list[Line] = []
    rejected: list[tuple[int, str]] = []
    for row in table.select(LINE, REASON, "id", *columns).to_dicts():
        entity_id, meter = row["id"], meters.get(row["id"])
        reason = row[REASON]
        if reason is None and entity is Entity.meter and meter is None:
            reason = f"meter {entity_id} is not registered"
        if reason is None and entity is Entity.metering_point and entity_id not in points:
            reason = f"there is no metering point {entity_id}"
        if reason is None and meter is not None and meter.state == "deleted":
            reason = f"meter {entity_id} is deleted: restore it first"
        if reason is None:
            held: dict[str, str | None] = dict(standing.get(entity_id, {}))
            if meter is not None:
                held |= {name: getattr(meter, name) for name in ATTRIBUTES}
            if entity is Entity.metering_point:
                held |= {"role": points[entity_id]}
            try:
                wanted = {name: _value(name, row[name], defined) for name in columns if row[name] is not None}
            except FieldError as exc:
                reason = str(exc)
            else:
                news = {name: value for name, value in wanted.items() if value != held.get(name)}
                lines.append(Line(row[LINE], entity_id, {name: held.get(name) for name in news}, news))
        if reason is not None:
            rejected.append((row[LINE], reason))
    changing = [line for line in lines if line.after]
    return Judged(changing, pl.DataFrame(rejected, schema=REJECTED, orient="row"), len(lines) - len(changing))


def _value(name: str, text: str, defined: Mapping[str, Field]) -> str | None:
    if text == EMPTY:
        if name in ("medium", "role"):
            raise FieldError(f"the {name} cannot be emptied")
        return None
    if name in defined:
        return defined[name].parse(text)
    if name == "medium" and text not in KNOWN_MEDIA:
        raise FieldError(f"the medium is none of {', '.join(KNOWN_MEDIA)}")
    if name == "role" and text not in ROLES:
        raise FieldError(f"the role is none of {', '.join(ROLES)}")
    return text


def _points(session: Session, organisation: str, asked: list[str]) -> dict[str, str]:
    """Roles of points by name; those that there are none of are left out."""
    found: dict[str, str] = {}
    for some in chunks(sorted(set(asked))):
        point = MeteringPoint.metering_point
        statement = select(point, MeteringPoint.role).where(MeteringPoint.organisation == organisation, point.in_(some))
        found |= dict(session.execute(statement).all())
    return found


def write_changes(session: Session, organisation: str, lines: Sequence[Line], defined: Mapping[str, Field]) -> None:
    """Writes what lines change; the caller records :meth:`Line.change` of each."""
    own = {line.entity_id: {n: v for n, v in line.after.items() if n not in defined} for line in lines}
    # Rows of one statement name the same columns.
    by_columns: dict[tuple[str, ...], list[dict[str, object]]] = {}
    write_roles(session, organisation, {point: str(news["role"]) for point, news in own.items() if "role" in news})
    for meter_id, news in own.items():
        if news and "role" not in news:
            key = {"organisation": organisation, "meter_id": meter_id}
            by_columns.setdefault(tuple(sorted(news)), []).append({**key, **news})
    for rows in by_columns.values():
        session.execute(update(Meter), rows)
    custom = {line.entity_id: {n: v for n, v in line.after.items() if n in defined} for line in lines}
    set_values(session, organisation, defined, {entity_id: news for entity_id, news in custom.items() if news})
