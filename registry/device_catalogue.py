"""The catalogue of devices: what an organisation sees, with claim status, labels and batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from sqlalchemy import Executable, select

from registry.device_types import DeviceTypes
from registry.models import BatchDevice, Claim, Label, Meter
from registry.organisations import visible
from registry.store import Registry

COLUMNS = (
    "organisation", "meter_id", "manufacturer", "serial", "device_type", "state", "claim_status", "labels", "batches",
)  # fmt: skip
"""What the catalogue shows, in this order."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; an empty filter lets all through, several words in one are alternatives.

    Attributes:
        serials: Serial numbers.
        types: Names of device types.
        claim_states: See :data:`registry.claims.STATES`.
        labels: Labels.
        batches: References of batches.
        text: Part of the serial number, the type, a label or a batch, in any case.
    """

    serials: Sequence[str] = ()
    types: Sequence[str] = ()
    claim_states: Sequence[str] = ()
    labels: Sequence[str] = ()
    batches: Sequence[str] = ()
    text: str = ""


def devices(registry: Registry, organisation: str, types: DeviceTypes, wanted: Filter | None = None) -> pl.DataFrame:
    """The devices of an organisation and of those below it.

    Args:
        registry: The registry.
        organisation: Who looks.
        types: Known device types.
        wanted: Which; by default all.

    Returns:
        ``organisation``, ``meter_id``, ``manufacturer``, ``serial``, ``device_type`` (name), ``state``,
        ``claim_status``, ``labels`` and ``batches`` (sorted lists), by organisation and meter.
    """
    with registry.begin(readonly=True) as session:
        seen = visible(session, organisation)

        def rows(statement: Executable, *names: str) -> pl.DataFrame:
            found = [tuple(row) for row in session.execute(statement)]
            return pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row")

        m, c, lb, b = Meter, Claim, Label, BatchDevice
        parts = ("organisation", "meter_id", "manufacturer", "serial", "version", "type_code", "model", "state")
        meters = rows(
            select(
                m.organisation, m.meter_id, m.manufacturer, m.serial, m.version, m.device_type, m.model, m.state
            ).where(m.organisation.in_(seen)),
            *parts,
        )
        claims = rows(
            select(c.organisation, c.meter_id, c.state).where(c.organisation.in_(seen)),
            "organisation", "meter_id", "claim_status",
        )  # fmt: skip
        labels = rows(
            select(lb.organisation, lb.meter_id, lb.label).where(lb.organisation.in_(seen)),
            "organisation", "meter_id", "labels",
        )  # fmt: skip
        batches = rows(
            select(b.organisation, b.meter_id, b.batch).where(b.organisation.in_(seen)),
            "organisation", "meter_id", "batches",
        )  # fmt: skip
        claimed_by = rows(
            select(c.organisation, c.meter_id, c.batch).where(c.organisation.in_(seen), c.batch.is_not(None)),
            "organisation", "meter_id", "batches",
        )  # fmt: skip
    key = ["organisation", "meter_id"]
    kinds = meters.select("manufacturer", "version", "type_code", "model").unique()
    names = kinds.with_columns(
        device_type=pl.Series([types.name(*row) for row in kinds.rows()], dtype=pl.String),
    )
    table = meters.join(names, on=kinds.columns, how="left", nulls_equal=True).join(claims, on=key, how="left")
    for column, table_of in (("labels", labels), ("batches", pl.concat([batches, claimed_by]))):
        lists = table_of.group_by(key).agg(pl.col(column).unique().sort())
        table = table.join(lists, on=key, how="left")
    table = table.with_columns(pl.col("claim_status").fill_null("unclaimed"), pl.col("labels", "batches").fill_null([]))
    return table.filter(_condition(wanted or Filter())).select(COLUMNS).sort(key)


def _condition(wanted: Filter) -> pl.Expr:
    conditions = [pl.lit(value=True)]
    if wanted.serials:
        conditions.append(pl.col("serial").is_in([serial.lower().zfill(8) for serial in wanted.serials]))
    for column, values in (("device_type", wanted.types), ("claim_status", wanted.claim_states)):
        if values:
            conditions.append(pl.col(column).is_in(list(values)))
    for column, values in (("labels", wanted.labels), ("batches", wanted.batches)):
        if values:
            conditions.append(pl.col(column).list.set_intersection(list(values)).list.len() > 0)
    if wanted.text:
        everything = pl.concat_str(
            "serial", "device_type", pl.col("labels").list.join(" "), pl.col("batches").list.join(" "), separator=" "
        )
        conditions.append(everything.str.to_lowercase().str.contains(wanted.text.lower(), literal=True))
    return pl.all_horizontal(conditions)
