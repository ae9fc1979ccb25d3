"""The way of a figure: to its boundary readings, from these to telegrams and frames, from frames to files and lines."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from warehouse.excerpt import Excerpt, Readable
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CORRECTIONS,
    EXCHANGES,
    INSTALLATIONS,
    OUTCOMES,
    POLICIES,
    READINGS,
    RECEPTIONS,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.schemas.table import REGISTER
from warehouse.transforms.flags import stands_still
from warehouse.transforms.transmissions import SAME_ACCESS_NUMBER, cluster
from warehouse.transforms.validation.catalogue import WHOLE
from warehouse.transforms.validation.effects import of_stored

Row = dict[str, Any]

_POLICY = "consumption"
_KEY = ("organisation", "metering_point", "register", "period_start")
_FIGURE = ("consumption", "unit", "quality", "method", "share_interpolated", "known_from")
_VERSION = ("known_from", "known_to", "consumption", "quality", "method")
_READING = ("meter_id", "measured_at", "received_at", "landed_at", "quality", "source", "flags")
_RECEPTION = ("frame_id", "received_at", "collector", "rssi_dbm", "outcome", "reason", "decided_at", "landed_at")
_DECISION = ("value", "reason_code", "decided_at", "decided_by")
_FILE = ("source_file", "source_line", "source_sha256")
_NEAR = timedelta(days=2)
"""Readings this far around a figure usually hold those it lies between."""


def of_day(
    lake: Readable,
    organisation: str,
    point: str,
    day: date,
    *,
    register: str | None = None,
    erased: pl.DataFrame,
) -> Row:
    """Follows the figures of a metering point and local day back to the frames.

    Args:
        lake: Where the tables are; a :class:`warehouse.versions.Past` follows the figures as they were known.
        organisation: Whose rows count.
        point: Metering point.
        day: Local day.
        register: Canonical register; ``None`` follows all.
        erased: ``metering_point``, ``first_day`` and ``last_day`` of what was erased on request.

    Returns:
        ``metering_point``, ``day``, ``erased`` (``first_day`` and ``last_day`` of erasures that take the day or one
        beside it, whose boundaries are gone with it), ``installations``, and ``figures``: per register the figure, its
        ``superseded`` versions with the cause of each, ``start`` and ``end`` (boundary with ``at``, ``register``,
        ``quality`` and ``readings``: one where it was read exactly there, else those before and after, between which it
        lies), ``exchanges``, ``events``, ``exceptions`` and the ``policy`` it was reckoned by (null where it may not be
        seen). A reading that was rejected is no boundary; one that a person gave or approved has a ``decision``: rule,
        value, reason code, by whom and when, and the ``original``. A reading says its value and either file and line
        (imported), or its ``telegram``: access number and receptions with collector, signal, outcome, file and line.
    """
    known = _Known(lake, organisation)
    near = timedelta(days=1)
    gone = erased.filter(
        pl.col("metering_point") == point, pl.col("first_day") - near <= day, pl.col("last_day") + near >= day
    )
    figures = known.rows(
        CONSUMPTION_DAILY,
        pl.col("metering_point") == point,
        pl.col("day") == day,
        pl.lit(value=True) if register is None else pl.col("register") == register,
    ).sort("register")
    installations = known.rows(INSTALLATIONS, pl.col("metering_point") == point).sort("installed_at")
    return {
        "metering_point": point,
        "day": day,
        "erased": gone.select("first_day", "last_day").unique().sort("first_day").to_dicts(),
        "installations": installations.select("meter_id", "installed_at", "removed_at", "known_from").to_dicts(),
        "figures": _figures(known, figures, installations),
    }


class _Known:
    """An organisation's rows, and the telegrams that were followed already."""

    def __init__(self, lake: Readable, organisation: str) -> None:
        self.lake = lake
        self.organisation = organisation
        self.telegrams: dict[str, Row] = {}

    def rows(self, table: Table, *conditions: pl.Expr) -> pl.DataFrame:
        return self.lake.scan(table).filter(pl.col("organisation") == self.organisation, *conditions).collect()


class _Course:
    """Readings of a point's meters: those around some figures at hand, the others in the lake."""

    def __init__(self, known: _Known, figures: pl.DataFrame, installations: pl.DataFrame) -> None:
        meters = installations["meter_id"].unique()
        self.placed = installations.lazy().select("meter_id", "installed_at", "removed_at")
        self.first, self.last = figures["period_start"].sort()[0] - _NEAR, figures["period_end"].sort()[-1] + _NEAR
        self.all = known.lake.scan(READINGS).filter(
            pl.col("organisation") == known.organisation,
            pl.col("meter_id").is_between(pl.lit(meters.min()), pl.lit(meters.max())),  # files are skipped by it
            pl.col("meter_id").is_in(meters.implode()),
        )
        months = pl.lit(f"{self.first:%Y-%m}"), pl.lit(f"{self.last:%Y-%m}")
        near = self.all.filter(
            pl.col("month").is_between(*months), pl.col("measured_at").is_between(self.first, self.last)
        )
        self.near = near.collect().lazy()

    def nearest(self, register: str, judged: pl.DataFrame, at: datetime, *, after: bool) -> pl.DataFrame:
        """The last reading up to an instant whose register counts, or the first after it."""
        measured = pl.col("measured_at")
        side = measured > at if after else measured <= at
        for rows, held in ((self.near, measured.is_between(self.first, self.last)), (self.all, pl.lit(value=True))):
            there = (
                _counting(rows, register, judged)
                .join(self.placed, on="meter_id")
                .filter(held, side, measured >= pl.col("installed_at"))
                .filter((measured <= pl.col("removed_at")).fill_null(value=True))
            )
            found = there.filter(measured == (measured.min() if after else measured.max())).collect()
            if found.height:
                break
        return found.head(1) if after else found.tail(1)


def _figures(known: _Known, figures: pl.DataFrame, installations: pl.DataFrame) -> list[Row]:
    course = _Course(known, figures, installations) if figures.height and installations.height else None
    return [_figure(known, row, course, installations) for row in figures.to_dicts()]


def _figure(known: _Known, row: Row, course: _Course | None, installations: pl.DataFrame) -> Row:
    register, start, end = row["register"], row["period_start"], row["period_end"]
    judged = known.rows(
        VEE_EXCEPTIONS,
        pl.col("meter_id").is_in(installations["meter_id"].implode()),
        pl.col("register").is_in([register, WHOLE]),
    )
    boundaries = {
        side: {
            "at": at,
            "register": row[f"register_{side}"],
            "quality": row[f"{side}_quality"],
            "readings": _around(known, course, register, at, judged) if course else [],
        }
        for side, at in (("start", start), ("end", end))
    }
    times = [reading["measured_at"] for boundary in boundaries.values() for reading in boundary["readings"]]
    first, last = min([start, *times]), max([end, *times])
    here = pl.col("metering_point") == row["metering_point"]
    of_register = here & (pl.col("register") == register)
    between = [pl.col(name).is_between(pl.lit(first), pl.lit(last)) for name in ("exchanged_at", "at")]
    return {
        "register": register,
        "meter_id": row["meter_id"],
        "period_start": start,
        "period_end": end,
        **{name: row[name] for name in _FIGURE},
        "superseded": _superseded(known, row),
        **boundaries,
        "exchanges": _told(
            known.rows(EXCHANGES, of_register, between[0]),
            ("exchanged_at", "old_meter_id", "old_final", "new_meter_id", "new_initial", "known_from"),
        ),
        "events": _told(
            known.rows(REGISTER_EVENTS, of_register, between[1]),
            ("at", "kind", "meter_id", "before", "after", "correction", "known_from"),
        ),
        "exceptions": _told(
            judged.filter(between[1] & here.fill_null(value=True)),
            ("at", "rule", "state", "reason", "known_from", *_DECISION),
        ),
        "policy": _policy(known, row["known_from"]),
    }


def _told(rows: pl.DataFrame, columns: tuple[str, ...]) -> list[Row]:
    """The rows by time, which is their first column."""
    return rows.select(columns).sort(columns[0]).to_dicts()


def _superseded(known: _Known, row: Row) -> list[Row]:
    """Versions of the figure that hold no more, with the cause of each change, the latest first."""
    history = CONSUMPTION_DAILY.history
    assert history is not None  # noqa: S101  figures keep their versions
    same = [pl.col(name) == pl.lit(row[name]) for name in _KEY]
    of_table = pl.col("table_name") == CONSUMPTION_DAILY.name
    causes = known.rows(CORRECTIONS, of_table, *same).select("known_to", "cause", "identity").unique("known_to")
    versions = known.rows(history, *same).select(_VERSION).join(causes, on="known_to", how="left")
    return versions.sort("known_to", descending=True).to_dicts()


def _policy(known: _Known, at: datetime) -> Row | None:
    """The policy in force when a figure was reckoned; it belongs to no meter, so an excerpt does not tell it."""
    if isinstance(known.lake, Excerpt):
        return None
    decided = known.rows(POLICIES, pl.col("kind") == _POLICY, pl.col("known_from") <= at).sort("version").tail(1)
    newest = decided.select("version", "known_from").to_dicts()
    return {"kind": _POLICY, **(newest[0] if newest else {"version": 0, "known_from": None})}


def _around(known: _Known, course: _Course, register: str, at: datetime, judged: pl.DataFrame) -> list[Row]:
    """The reading of a point's meters at an instant that counts, or the last before and the first after it."""
    found = course.nearest(register, judged, at, after=False)
    if not (found.height and found["measured_at"][0] == at):
        found = pl.concat([found, course.nearest(register, judged, at, after=True)])
    return [_reading(known, row, register, judged) for row in found.to_dicts()]


def _counting(readings: pl.LazyFrame, register: str, judged: pl.DataFrame) -> pl.LazyFrame:
    """The readings whose register counts, with what people gave in its place; ``original`` is what was read then."""
    key = ["meter_id", "measured_at"]
    found = of_stored(judged).rename({"at": "measured_at"})
    gone = found.filter(pl.col("effect").is_in(["exclude", "replace"])).select(key).unique()
    given = found.filter(pl.col("effect") == "replace").unique(key)
    counted = (
        readings.filter(pl.col(register).is_not_null(), pl.col("quality") != "R", ~stands_still(register))
        .join(gone.lazy(), on=key, how="anti")
        .with_columns(original=pl.lit(None, REGISTER))
    )
    replaced = (
        given.lazy()
        .select(*key, given="value")
        .join(readings, on=key, how="left")
        .with_columns(
            pl.col("given").cast(READINGS.schema[register]).alias(register),
            original=pl.col(register).cast(REGISTER),
            quality=pl.lit("X"),
            source=pl.col("source").fill_null("manual"),
            received_at=pl.coalesce("received_at", "measured_at"),
            landed_at=pl.coalesce("landed_at", "measured_at"),
        )
    )
    columns = [*READINGS.schema, "original"]
    return pl.concat([counted.select(columns), replaced.select(columns)])


def _decided(row: Row, judged: pl.DataFrame) -> Row | None:
    """The newest decision by which a reading counts as it does."""
    same = (pl.col("meter_id") == row["meter_id"]) & (pl.col("at") == row["measured_at"])
    state = "overridden" if row["quality"] == "X" else "approved"
    newest = judged.filter(same, pl.col("state") == state).sort("decided_at").tail(1)
    told = newest.select("rule", *_DECISION).to_dicts()
    return {**told[0], "original": row["original"]} if told else None


def _reading(known: _Known, row: Row, register: str, judged: pl.DataFrame) -> Row:
    told: Row = {"value": row[register], **{name: row[name] for name in _READING}, "decision": _decided(row, judged)}
    if row["frame_id"] is None:
        return {**told, "telegram": None, "source_file": row["source_file"], "source_line": row["source_line"]}
    if row["frame_id"] not in known.telegrams:  # its registers bound figures of their own
        known.telegrams[row["frame_id"]] = _telegram(known, row)
    return {**told, "telegram": known.telegrams[row["frame_id"]]}


def _telegram(known: _Known, reading: Row) -> Row:
    """The transmission that a reading comes from, with all its receptions that are known."""
    first, last = (pl.lit(reading["received_at"] + sign * SAME_ACCESS_NUMBER) for sign in (-1, 1))
    same = (
        pl.col("frame_id") == reading["frame_id"]
        if reading["telegram_key"] is None
        else pl.col("telegram_key") == reading["telegram_key"]
    )
    attempts = known.rows(
        OUTCOMES, pl.col("meter_id") == reading["meter_id"], pl.col("received_at").is_between(first, last), same
    )
    copies = cluster(attempts.sort("attempt").unique("frame_id", keep="last"))
    mine = copies.filter(frame_id=reading["frame_id"])["telegram_id"].to_list()
    copies = copies.filter(pl.col("telegram_id").is_in(mine) | (pl.col("frame_id") == reading["frame_id"]))
    frames = known.rows(
        RECEPTIONS,
        pl.col("landed_day").is_in(copies["landed_day"].unique().implode()),
        # Frames lie in the order in which they were heard: others are skipped.
        pl.col("received_at").is_between(pl.lit(copies["received_at"].min()), pl.lit(copies["received_at"].max())),
        pl.col("frame_id").is_in(copies["frame_id"].implode()),
    )
    heard = copies.join(frames.select("frame_id", "collector", "rssi_dbm", *_FILE), on="frame_id", how="left")
    numbers = copies["access_no"].drop_nulls()
    return {
        "telegram_id": mine[0] if mine else reading["frame_id"],
        "access_no": numbers[0] if numbers.len() else None,
        "receptions": heard.sort("received_at", "frame_id").select(*_RECEPTION, *_FILE).to_dicts(),
    }
