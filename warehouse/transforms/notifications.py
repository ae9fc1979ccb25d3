"""Notifications: which events are news to whom (ALGORITHMS §8.4).

An event is something that is the matter from one instant to another, such as an info code of a meter. A rule tells its
recipients when one begins, again after some days where the rule says so, and takes it back where it turns out that
there was nothing.
"""

from datetime import datetime, timedelta

import polars as pl

from warehouse.schemas import INSTANT, REGISTER

LOOK_BACK = timedelta(days=7)
"""Events that ended longer ago are no news: whoever learns of them so late reads lists."""

EVENTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "event_key": pl.String,
    "topic": pl.String,
    "code": pl.String,
    "priority": pl.String,
    "metering_point": pl.String,
    "meter_id": pl.String,
    "since": INSTANT,
    "seen_at": INSTANT,
    "ended_at": INSTANT,
    "retracted": pl.Boolean,
    "register": pl.String,
    "used": REGISTER,
    "limit_value": REGISTER,
}
"""Columns of events: a name of what it is about, when it began, when it was last there, when it ended (null while it
lasts) and whether it was retracted; ``register``, ``used`` and ``limit_value`` of consumption alerts."""

RULES: dict[str, pl.DataType | type[pl.DataType]] = {
    "rule_id": pl.String,
    "topic": pl.String,
    "code": pl.String,
    "only_high": pl.Boolean,
    "group": pl.String,
    "metering_point": pl.String,
    "active_since": INSTANT,
}
"""Columns of rules, a row per topic and code; a null code, group or metering point stands for all of them."""

TELLINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "rule_id": pl.String,
    "recipient_no": pl.Int64,
    "event_key": pl.String,
    "episode": INSTANT,
    "turn": pl.Int64,
    "kind": pl.String,
    "told_at": INSTANT,
}
"""Columns of what was told."""

_TO = ("rule_id", "recipient_no", "event_key")


def matching(events: pl.DataFrame, rules: pl.DataFrame, members: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The events that each rule is about.

    Args:
        events: Columns of :data:`EVENTS`.
        rules: Columns of :data:`RULES`.
        members: ``group``, ``metering_point`` or ``meter_id``, ``valid_from`` and ``valid_to`` of the rules' groups.
        now: The present, UTC.

    Returns:
        ``rule_id`` and the columns of the events, each once per rule: those that last, and those that ended since the
        rule holds, at most :data:`LOOK_BACK` ago. A place counts as of the group that it was in when the event was
        last there.
    """
    named = rules.rename({"code": "asked_code", "metering_point": "asked_point"})
    of_points = named.filter(pl.col("asked_point").is_not_null())
    of_all = named.filter(pl.col("asked_point").is_null())
    places = events.filter(pl.col("metering_point").is_not_null()).with_columns(asked_point="metering_point")
    pairs = pl.concat(
        [
            places.join(of_points, on=["topic", "asked_point"]).select(*named.columns, *_others(events)),
            events.join(of_all, on="topic").select(*named.columns, *_others(events)),
        ]
    )
    is_news = pl.col("ended_at").is_null() | (
        pl.col("ended_at") >= pl.max_horizontal("active_since", pl.lit(now - LOOK_BACK))
    )
    wanted = pairs.filter(
        is_news,
        pl.col("asked_code").is_null() | (pl.col("asked_code") == pl.col("code")),
        ~pl.col("only_high") | (pl.col("priority") == "high"),
    )
    grouped = wanted.filter(pl.col("group").is_not_null())
    return (
        pl.concat([wanted.filter(pl.col("group").is_null()), _within(grouped, members)])
        .select("rule_id", *events.columns)
        .unique(["rule_id", "event_key", "since"], keep="first")
        .sort("rule_id", "since", "event_key")
    )


def pending(matched: pl.DataFrame, recipients: pl.DataFrame, tellings: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """What is to be told now.

    Args:
        matched: As :func:`matching` gives it.
        recipients: ``rule_id``, ``recipient_no`` and ``remind_days`` (null for never).
        tellings: What was told of these events: columns of :data:`TELLINGS`.
        now: The present, UTC.

    Returns:
        Columns of ``matched``, ``recipient_no``, ``kind`` (``opened``, ``reminded`` or ``retracted``) and ``turn``
        (0 where the recipient was not told of this episode before), by rule, recipient and time.
    """
    told = (
        _assigned(tellings, matched.select("event_key", "since", "ended_at").unique())
        .sort("told_at", "turn")
        .group_by(*_TO, "since")
        .agg(
            turn=pl.col("turn").max() + 1,
            last_kind=pl.col("kind").last(),
            told_at=pl.col("told_at").last(),
        )
    )
    is_told = pl.col("last_kind").is_in(["opened", "reminded"]).fill_null(value=False)
    is_over = pl.col("told_at") + pl.duration(days="remind_days") <= now
    kind = (
        pl.when(pl.col("retracted"))
        .then(pl.when(is_told).then(pl.lit("retracted")))
        .when(~is_told)
        .then(pl.lit("opened"))
        .when(pl.col("ended_at").is_null() & is_over)
        .then(pl.lit("reminded"))
    )
    return (
        matched.join(recipients, on="rule_id")
        .join(told, on=[*_TO, "since"], how="left")
        .with_columns(kind=kind, turn=pl.col("turn").fill_null(0))
        .filter(pl.col("kind").is_not_null())
        .select(*matched.columns, "recipient_no", "kind", "turn")
        .sort("rule_id", "recipient_no", "since", "event_key")
    )


def _others(events: pl.DataFrame) -> list[str]:
    return [name for name in events.columns if name != "topic"]


def _within(pairs: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose place, or meter, belongs to the rule's group when the event was last there."""
    known = members.select("group", "valid_from", "valid_to", point="metering_point", meter="meter_id")
    there = (pl.col("seen_at") >= pl.col("valid_from")) & (pl.col("seen_at") < pl.col("valid_to")).fill_null(value=True)
    numbered = pairs.with_row_index("pair")
    meters = numbered.join(
        known.filter(pl.col("meter").is_not_null()), left_on=["group", "meter_id"], right_on=["group", "meter"]
    )
    points = numbered.join(
        known.filter(pl.col("meter").is_null()), left_on=["group", "metering_point"], right_on=["group", "point"]
    )
    found = pl.concat([part.filter(there).select("pair") for part in (meters, points)])
    return numbered.join(found.unique(), on="pair", how="semi").drop("pair")


def _assigned(tellings: pl.DataFrame, episodes: pl.DataFrame) -> pl.DataFrame:
    """Tellings with ``since`` of the present episode that they were about.

    Late readings move the beginning of an episode. What was told is about the episode that lasted then, else about the
    first one after it, where that had begun when it was told.
    """
    known = episodes.sort("since")
    kept = tellings.sort("episode")
    before = kept.join_asof(
        known.with_columns(episode="since"), on="episode", by="event_key", strategy="backward", check_sortedness=False
    )
    covers = (pl.col("since").is_not_null() & (pl.col("ended_at") > pl.col("episode")).fill_null(value=True)).fill_null(
        value=False
    )
    after = (
        before.filter(~covers)
        .select(kept.columns)
        .join_asof(
            known.with_columns(episode="since"),
            on="episode",
            by="event_key",
            strategy="forward",
            check_sortedness=False,
        )
        .filter(pl.col("since") <= pl.col("told_at"))
    )
    return pl.concat([before.filter(covers), after])
