"""What people choose on pages; each choice stands in the address bar, so that a view can be shared.

An address may be wrong: a choice that there is none of is the first one, or none.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar, get_args

import polars as pl
import streamlit as st

from dashboards.components import address
from dashboards.remembering import remembered
from dashboards.words import Words
from warehouse.queries import subjects
from warehouse.queries.consumption import Interval

T = TypeVar("T")

MOST_NAMED = 2000
"""Points and meters that a list names; others are typed, since a longer list would be sent at each rerun."""


def period(say: Words, known: tuple[date, date], *, back: int = 30, key: str = "days") -> tuple[date, date] | None:
    """Local days.

    Args:
        say: Who reads it.
        known: First and last day of which there is anything.
        back: Days shown at first, back from the last.
        key: Parameter of the address.

    Returns:
        First and last day; ``None`` where none are chosen, which has been said.
    """
    first, last = max(known[0], known[1] - timedelta(days=back)), known[1]
    days = st.date_input(
        say("filter.days", zone=say.zone.key), (first, last), key=key, bind="query-params", format="YYYY-MM-DD"
    )
    # One day is what the address keeps of a range from a day to itself, and what a half-made choice gives.
    chosen = (days,) if isinstance(days, date) else days
    if not chosen:
        st.info(say("filter.no_days"), icon=":material/info:")
        return None
    return chosen[0], chosen[-1]


def day(say: Words, newest: date, *, key: str = "day") -> date:
    """One local day; ``newest`` at first."""
    chosen = st.date_input(
        say("filter.day", zone=say.zone.key), newest, key=key, bind="query-params", format="YYYY-MM-DD"
    )
    return chosen if isinstance(chosen, date) else newest


def group(say: Words, *, key: str = "group", optional: bool = True) -> str | None:
    """A group.

    Args:
        say: Who reads it.
        key: Parameter of the address.
        optional: Whether nothing may be chosen, which stands for all points.

    Returns:
        Its name; ``None`` for all, or where there is none.
    """
    names = remembered(subjects.groups)["group"].to_list()
    chosen = st.selectbox(
        say("filter.group"),
        names,
        index=None if optional else 0,
        placeholder=say("filter.all_points") if optional else say("filter.no_groups"),
        key=key,
        bind="query-params",
    )
    return None if chosen is None else str(chosen)


def register(say: Words, registers: Sequence[str], *, key: str = "register") -> str:
    """One of several registers, the first at first."""
    return one_of(say("filter.register"), registers, key=key, named=say.register)


def one_of(label: str, offered: Sequence[T], *, key: str, named: Callable[[T], str] = str) -> T:
    """One of many, in a list; the first at first.

    Args:
        label: For people.
        offered: What there is; at least one.
        key: Parameter of the address, which holds the text of the choice and not what it is called.
        named: How a choice is called.
    """
    default = offered[:1]
    st.session_state[key] = address.recalled(key, {str(one): one for one in offered}, default)[0]
    chosen: T = st.selectbox(label, offered, format_func=named, key=key)
    address.noted(key, [chosen], default)
    return chosen


def several(
    label: str,
    offered: Sequence[T],
    *,
    key: str,
    default: Sequence[T] = (),
    named: Callable[[T], str] = str,
    most: int | None = None,
) -> list[T]:
    """Any number of many.

    Args:
        label: For people.
        offered: What there is.
        key: Parameter of the address, once per choice, see :func:`one_of`.
        default: What is chosen at first.
        named: How a choice is called.
        most: How many may be chosen; ``None`` for any number.
    """
    before = address.recalled(key, {str(one): one for one in offered}, default)
    st.session_state[key] = before[:most]
    chosen = list(st.multiselect(label, offered, format_func=named, key=key, max_selections=most))
    address.noted(key, chosen, default)
    return chosen


def interval(
    say: Words, *, default: Interval = "daily", offered: Sequence[Interval] = get_args(Interval), key: str = "interval"
) -> Interval:
    """Length of periods."""
    return choice(say("filter.interval"), offered, key=key, default=default, named=lambda name: say(f"interval.{name}"))


def choice(label: str, offered: Sequence[T], *, key: str, default: T, named: Callable[[T], str] = str) -> T:
    """One of a few, side by side.

    Args:
        label: For people.
        offered: What there is.
        key: Parameter of the address, see :func:`one_of`.
        default: What is chosen at first.
        named: How a choice is called.
    """
    st.session_state[key] = address.recalled(key, {str(one): one for one in offered}, [default])[0]
    asked = st.segmented_control(label, offered, format_func=named, key=key, required=True)
    chosen = default if asked is None else asked
    address.noted(key, [chosen], [default])
    return chosen


def text(label: str, *, key: str, placeholder: str = "") -> str:
    """Free text, such as a search; without blanks around."""
    return str(st.text_input(label, key=key, placeholder=placeholder, bind="query-params") or "").strip()


def as_of(say: Words, *, key: str = "as_of", label: str = "") -> datetime | None:
    """The instant whose knowledge counts: the end of a local day.

    Args:
        say: Who reads it.
        key: Parameter of the address.
        label: For people, where it is another instant than the one that the page is of.

    Returns:
        The instant, UTC; ``None`` for now.
    """
    chosen = st.date_input(
        label or say("filter.as_of", zone=say.zone.key),
        None,
        max_value=datetime.now(say.zone).date(),
        key=key,
        bind="query-params",
        format="YYYY-MM-DD",
        help=say("filter.as_of_help"),
    )
    if not isinstance(chosen, date):
        return None
    midnight = datetime.combine(chosen + timedelta(days=1), datetime.min.time(), say.zone)
    return midnight.astimezone(UTC)


def day_of(say: Words, at: datetime) -> str:
    """The day of the address that :func:`as_of` gives an instant for."""
    return str((at.astimezone(say.zone) - timedelta(microseconds=1)).date())


def told_past(say: Words, at: datetime | None) -> None:
    """Says above figures that they are those of the past; nothing for now."""
    if at is not None:
        st.warning(say("analysis.past", at=say.instant(at)), icon=":material/history:")


def point(say: Words, *, key: str = "point") -> str | None:
    """A metering point, by its name, a meter or a serial number.

    Returns:
        Its name; ``None`` where what was asked for is none, which has been said.
    """
    points, meters = remembered(subjects.metering_points), remembered(subjects.meters)
    names = pl.concat([points["metering_point"], meters["meter_id"]])
    asked = st.selectbox(
        say("filter.point"),
        names.head(MOST_NAMED).to_list(),
        key=key,
        bind="query-params",
        accept_new_options=True,
        help=say("analysis.type_point") if names.len() > MOST_NAMED else None,
    )
    return None if asked is None else _meant(say, points, meters, str(asked).strip())


def points(say: Words, *, key: str = "point") -> list[str]:
    """Several metering points, by their names, meters or serial numbers.

    Returns:
        Their names, each once; what was asked for and is none has been said, and is left out.
    """
    places, meters = remembered(subjects.metering_points), remembered(subjects.meters)
    asked = st.multiselect(
        say("analysis.points"),
        places["metering_point"].head(MOST_NAMED).to_list(),
        default=places["metering_point"].head(2).to_list(),
        key=key,
        bind="query-params",
        accept_new_options=True,
        help=say("analysis.type_point"),
    )
    found = [_meant(say, places, meters, str(one).strip()) for one in asked]
    return list(dict.fromkeys(one for one in found if one is not None))


def _meant(say: Words, points: pl.DataFrame, meters: pl.DataFrame, asked: str) -> str | None:
    """The point that a text means; where it is none, or several, this is said."""
    found = subjects.find(points, meters, asked)
    if len(found) == 1:
        return found[0]
    if found:
        st.warning(say("filter.point_several", asked=asked, points=", ".join(found)))
    elif meters.filter((pl.col("meter_id") == asked) | (pl.col("serial") == asked)).height:
        st.warning(say("filter.point_nowhere", asked=asked))
    else:
        st.warning(say("filter.point_unknown", asked=asked))
    return None


def number(label: str, *, key: str, unit: str = "", least: float | None = None) -> float | None:
    """A number, or none.

    Args:
        label: For people.
        key: Parameter of the address.
        unit: Said behind the label.
        least: Smallest one that can be asked for; ``None`` for any.
    """
    return st.number_input(
        f"{label} ({unit})" if unit else label,
        min_value=least,
        value=None,
        step=1.0,
        format="%.1f",
        key=key,
        bind="query-params",
    )


def members(say: Words, *, key: str = "group") -> tuple[str, pl.DataFrame | None] | None:
    """A group with the points that are in it now.

    Returns:
        Its name and ``metering_point`` of its members, or an empty name and ``None`` for all points; ``None`` where
        the group has no members, which has been said.
    """
    name = group(say, key=key)
    if name is None:
        return "", None
    today = datetime.combine(datetime.now(say.zone).date(), time.max, say.zone).astimezone(UTC)
    points = remembered(subjects.members, name, today)
    if points.is_empty():
        st.info(say("filter.no_members", group=name), icon=":material/info:")
        return None
    return name, points
