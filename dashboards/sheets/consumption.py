"""The report of what the page of consumption shows: the same periods, the same sums."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from dashboards.charts.stacks import beside, divided, tariff_headings, why_undivided
from dashboards.sheets.drawing import bars
from dashboards.sheets.sheet import Part, Sheet
from dashboards.words import Words
from registry.places import Resident
from warehouse.queries.consumption import Interval


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows.

    Attributes:
        name: Metering point or group.
        figures: One row per period and register: ``period_start``, ``period_end``, ``consumption``, ``unit``,
            ``quality``, ``register`` and, of a group, ``points`` and ``missing``.
        events: From :func:`warehouse.queries.consumption.register_events`.
        codes: From :func:`warehouse.queries.consumption.info_codes`.
        registers: Of the figures.
        interval: Length of the periods.
        days: First and last local day.
        at: As it was known then; ``None`` for now.
        tariffs: From :func:`warehouse.queries.tariffs.figures` of the one register; ``None`` where it is shown whole.
    """

    name: str
    figures: pl.DataFrame
    events: pl.DataFrame
    codes: pl.DataFrame
    registers: tuple[str, ...]
    interval: Interval
    days: tuple[date, date]
    at: datetime | None = None
    tariffs: pl.DataFrame | None = None

    def drawn(self, figures: pl.DataFrame) -> pl.DataFrame:
        """The figures, or some of them, as bars show them."""
        if len(self.registers) > 1:
            return figures
        whole = figures.drop("register")
        return whole if self.tariffs is None else divided(whole, self.tariffs)

    def listed(self, figures: pl.DataFrame) -> pl.DataFrame:
        """The same as tables show them: a row per period and register, the tariffs beside it."""
        if len(self.registers) > 1:
            return figures
        whole = figures.drop("register")
        return whole if self.tariffs is None else beside(whole, self.tariffs)

    def untold(self, figures: pl.DataFrame, say: Words) -> str | None:
        """Why tariffs of the figures are not known, where that is so."""
        return None if self.tariffs is None else why_undivided(figures, self.tariffs, say)


def consumption_sheet(shown: Shown, resident: Resident | None, say: Words, now: datetime) -> Sheet | None:
    """The report.

    Args:
        shown: What it is about.
        resident: Who lives there, and is to have it: nothing of the time before that one moved in is told. ``None``
            for a group, and where nobody is known.
        say: Who reads it.
        now: When it is written, UTC.

    Returns:
        The report; ``None`` where nothing of the resident's own time is shown.
    """
    figures, events, codes = shown.figures, shown.events, shown.codes
    notes = [say("sheet.written", at=say.instant(now), zone=say.zone.key), say("sheet.hollow")]
    theirs = (
        pl.lit(value=True) if resident is None or resident.since is None else pl.col("period_start") >= resident.since
    )
    if resident is not None and resident.since is not None and figures.filter(~theirs).height:
        figures = figures.filter(theirs)
        events = events.filter(pl.col("at") >= resident.since)
        codes = codes.filter(pl.col("first_seen") >= resident.since)
        notes.insert(0, say("sheet.since", at=say.instant(resident.since)))
    if figures.is_empty():
        return None
    untold = shown.untold(figures, say)
    notes += [untold] if untold else []
    first, last = (say.date(day) for day in shown.days)
    about = [(say("sheet.subject"), shown.name)]
    if resident is not None:
        about += [(say("sheet.customer"), " · ".join(filter(None, (resident.customer_number, resident.name))))]
        about += [(say("sheet.address"), resident.address)] if resident.address else []
    about += [(say("sheet.days"), f"{first} – {last}")]
    if shown.at is not None:
        about += [(say("sheet.known"), say.instant(shown.at))]
    about += [
        (say("sheet.total", register=say.named("register", name)), _total(figures, name, say))
        for name in shown.registers
    ]
    unit = str(figures["unit"][0])
    return Sheet(
        say.language,
        f"{say('page.consumption')} · {shown.name}",
        about,
        bars(shown.drawn(figures), events, interval=shown.interval, unit=unit, say=say),
        [*_figures(figures, shown, say), *_events(events, say), *_codes(codes, say)],
        notes,
    )


def _total(figures: pl.DataFrame, register: str, say: Words) -> str:
    rows = figures.filter(register=register)
    known = rows["consumption"].drop_nulls()
    total = say.amount(known.sum() if known.len() else None, str(rows["unit"][0]) if rows.height else "")
    return f"{total} ({say('sheet.periods', known=say.number(known.len()), periods=say.number(rows.height))})"


def _figures(figures: pl.DataFrame, shown: Shown, say: Words) -> list[Part]:
    names = {letter: say(f"quality.{letter}") for letter in figures["quality"].unique()}
    told = [("period_start", say.periods(figures["period_start"], shown.interval))]
    if len(shown.registers) > 1:
        named = {name: say.named("register", name) for name in shown.registers}
        told += [("register", figures["register"].replace(named))]
    told += [
        ("consumption", figures.select(say.numbers(pl.col("consumption")).fill_null("–")).to_series()),
        ("unit", figures["unit"].replace({unit: say.unit(unit) for unit in figures["unit"].unique()})),
        ("quality", figures["quality"].replace(names)),
    ]
    if "missing" in figures.columns:
        told += [(name, figures[name].cast(pl.String)) for name in ("points", "missing")]
    else:
        told += [
            (name, figures.select(say.numbers(pl.col(name)).fill_null("–")).to_series())
            for name in ("register_start", "register_end")
        ]
    headings = {}
    if shown.tariffs is not None:
        headings = tariff_headings(shown.tariffs, say)
        wide = shown.listed(figures)
        told += [(name, wide.select(say.numbers(pl.col(name)).fill_null("–")).to_series()) for name in headings]
    rows = list(zip(*(series.to_list() for _, series in told), strict=True))
    right = {"consumption", "points", "missing", "register_start", "register_end", *headings}
    numbers = frozenset(place for place, (name, _) in enumerate(told) if name in right)
    return [
        Part(say("sheet.figures"), tuple(headings.get(name) or _heading(name, say) for name, _ in told), rows, numbers)
    ]


def _heading(name: str, say: Words) -> str:
    return say(f"sheet.{name}") if name in ("register_start", "register_end") else say.heading(name)


def _events(events: pl.DataFrame, say: Words) -> list[Part]:
    if events.is_empty():
        return []
    kinds = [say.named("event", kind) for kind in events["kind"]]
    change = [events.select(say.numbers(pl.col(name)).fill_null("–")).to_series() for name in ("before", "after")]
    columns = (
        say.instants(events["at"]).to_list(),
        kinds,
        events["meter_id"].to_list(),
        *map(pl.Series.to_list, change),
    )
    rows = list(zip(*columns, strict=True))
    headings = tuple(say.heading(name) for name in ("at", "kind", "meter_id", "before", "after"))
    return [Part(say("sheet.events"), headings, rows, frozenset({3, 4}))]


def _codes(codes: pl.DataFrame, say: Words) -> list[Part]:
    if codes.is_empty():
        return []
    priorities = [say.named("priority", name) for name in codes["priority"]]
    cleared = say.instants(codes["cleared_at"]).fill_null("–")
    rows = list(
        zip(codes["code"], priorities, codes["meter_id"], say.instants(codes["first_seen"]), cleared, strict=True)
    )
    headings = tuple(say.heading(name) for name in ("code", "priority", "meter_id", "first_seen", "cleared_at"))
    return [Part(say("sheet.codes"), headings, rows)]
