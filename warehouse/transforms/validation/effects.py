"""What findings and decisions do to readings on their way into consumption; the readings themselves never change."""

import polars as pl

from warehouse.schemas.registers import CUMULATIVE, GAUGES
from warehouse.schemas.table import INSTANT, REGISTER
from warehouse.transforms.flags import APPROVED, DISPUTED
from warehouse.transforms.validation.catalogue import EXCLUDING, RULES, WHOLE
from warehouse.transforms.validation.rules import KEY

DECISION: dict[str, pl.DataType | type[pl.DataType]] = {
    "organisation": pl.String,
    "meter_id": pl.String,
    "register": pl.String,
    "at": INSTANT,
    "rule": pl.String,
    "decision": pl.String,
    "value": REGISTER,
    "reason_code": pl.String,
    "decided_at": INSTANT,
    "decided_by": pl.String,
}
"""Columns of the decisions in force: the newest of each finding. ``decision``: approve, reject or override."""

STATES = {"approve": "approved", "reject": "rejected", "override": "overridden"}
OPEN = ("open", "estimated")
"""States of findings that nobody has decided about."""

_EFFECT = {"meter_id": pl.String, "register": pl.String, "at": INSTANT, "effect": pl.String, "value": REGISTER}


def exceptions(found: pl.DataFrame, before: pl.DataFrame, decisions: pl.DataFrame, version: int) -> pl.DataFrame:
    """Exceptions as they stand once a stretch was judged again.

    Args:
        found: Findings of the stretch, as the rules give them.
        before: Rows of ``vee_exceptions`` of the same stretch and rules.
        decisions: In :data:`DECISION`.
        version: Version of the policy.

    Returns:
        Rows of ``vee_exceptions`` without ``known_from``: what was found, and what was found before; the latter is
        ``resolved`` where its cause is gone and nobody had decided. Findings that pass are left out.
    """
    told = found.filter(pl.col("severity") != "pass").with_columns(policy_version=pl.lit(version, pl.Int32))
    gone = before.join(told, on=KEY, how="anti").drop("known_from", *_DECIDED)
    shared = [name for name in gone.columns if name != "state"]
    rows = pl.concat(
        [
            told.with_columns(cause=pl.lit(value=True)).select(*shared, "cause"),
            gone.with_columns(cause=pl.lit(value=False)).select(*shared, "cause"),
        ]
    )
    decided = rows.join(decisions, on=KEY, how="left", maintain_order="left")
    state = pl.col("decision").replace_strict(STATES, default=None, return_dtype=pl.String)
    fresh = (
        pl.when(~pl.col("cause"))
        .then(pl.lit("resolved"))
        .when(pl.col("severity") == "estimate")
        .then(pl.lit("estimated"))
        .otherwise(pl.lit("open"))
    )
    return decided.with_columns(state=pl.coalesce(state, fresh)).drop("cause", "decision")


_DECIDED = ("value", "reason_code", "decided_at", "decided_by")


def effects(exceptions: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """What exceptions and decisions do to readings.

    Args:
        exceptions: Rows of ``vee_exceptions``.
        decisions: In :data:`DECISION`; they hold whether the exception still stands or not.

    Returns:
        ``meter_id``, ``register``, ``at``, ``value`` and ``effect``: ``exclude`` (the value does not count),
        ``dispute`` (consumption up to it is unknown), ``replace`` (by ``value``) or ``approve`` (a fall is real).
    """
    by = {kind: [code for code, rule in RULES.items() if rule.discredits == kind] for kind in ("value", "step")}
    excluding = pl.col("severity").is_in(EXCLUDING) & pl.col("state").is_in(OPEN)
    undecided = (
        exceptions.filter(excluding)
        .join(decisions, on=KEY, how="anti")
        .with_columns(
            effect=pl.when(pl.col("rule").is_in(by["value"]))
            .then(pl.lit("exclude"))
            .when(pl.col("rule").is_in(by["step"]))
            .then(pl.lit("dispute")),
            value=pl.lit(None, REGISTER),
        )
    )
    effect = {"reject": "exclude", "override": "replace", "approve": "approve"}
    decided = decisions.with_columns(effect=pl.col("decision").replace_strict(effect, return_dtype=pl.String))
    both = pl.concat([part.select(list(_EFFECT)) for part in (undecided, decided)])
    return both.filter(pl.col("effect").is_not_null())


def of_stored(exceptions: pl.DataFrame) -> pl.DataFrame:
    """What stored exceptions do to readings, with what was decided of them.

    Args:
        exceptions: Rows of ``vee_exceptions``.

    Returns:
        As :func:`effects` gives them.
    """
    decision = {state: name for name, state in STATES.items()}
    decided = exceptions.filter(pl.col("state").is_in(list(decision))).with_columns(
        decision=pl.col("state").replace_strict(decision, default=None, return_dtype=pl.String)
    )
    return effects(exceptions, decided.select(list(DECISION)))


def apply(readings: pl.DataFrame, effects: pl.DataFrame) -> pl.DataFrame:
    """Readings as consumption takes them.

    Args:
        readings: Rows of ``readings``.
        effects: As :func:`effects` gives them.

    Returns:
        The readings: quality R where they do not count as a whole; without the registers that do not count; with flags
        ``DISPUTED:`` and ``APPROVED:``; and an additional row of quality X for each replaced register.
    """
    if effects.is_empty() or readings.is_empty():
        return readings
    rows = readings
    for (register, effect), named in effects.sort("register", "effect").group_by("register", "effect"):
        keys = named.select("meter_id", measured_at="at").unique().with_columns(_hit=pl.lit(value=True))
        marked = rows.join(keys, on=["meter_id", "measured_at"], how="left", maintain_order="left")
        hit = pl.col("_hit").fill_null(value=False)
        changes = {
            "exclude": pl.when(hit).then(pl.lit("R")).otherwise("quality").alias("quality")
            if register == WHOLE
            else _blanked(str(register), hit),
            "replace": _blanked(str(register), hit),
            "dispute": _flagged(DISPUTED + str(register), hit),
            "approve": _flagged(APPROVED + str(register), hit),
        }
        rows = marked.with_columns(changes[str(effect)]).drop("_hit")
    # What a person wrote is taken last: a value that several rules question is excluded for each of them.
    return pl.concat([rows, _replacing(readings, effects)], how="diagonal_relaxed")


def _blanked(register: str, hit: pl.Expr) -> pl.Expr:
    return pl.when(~hit).then(register).alias(register)


def _flagged(flag: str, hit: pl.Expr) -> pl.Expr:
    added = pl.concat_str(pl.col("flags"), pl.lit(flag), separator=",", ignore_nulls=True)
    return pl.when(hit).then(added).otherwise("flags").alias("flags")


def _replacing(readings: pl.DataFrame, effects: pl.DataFrame) -> pl.DataFrame:
    """A reading of one register for each one that a person gave."""
    given = effects.filter(pl.col("effect") == "replace", pl.col("register").is_in([*CUMULATIVE, *GAUGES]))
    meters = readings.group_by("meter_id").agg(pl.col("organisation").first())
    origins = readings.select("meter_id", "measured_at", "layout_id", "source").unique(["meter_id", "measured_at"])
    rows = (
        given.join(meters, on="meter_id")
        .rename({"at": "measured_at"})
        .join(origins, on=["meter_id", "measured_at"], how="left")
        .unique(["meter_id", "measured_at", "register"])
    )
    registers = [name for name in (*CUMULATIVE, *GAUGES) if name in readings.columns]
    made = rows.with_columns(
        *(
            pl.when(pl.col("register") == name).then("value").cast(readings.schema[name]).alias(name)
            for name in registers
        ),
        received_at="measured_at",
        landed_at="measured_at",
        source=pl.col("source").fill_null("manual"),  # when the next one is expected depends on it
        quality=pl.lit("X"),
        month=pl.col("measured_at").dt.strftime("%Y-%m"),
    )
    return made.select(name for name in readings.columns if name in made.columns)
