"""``customers.csv``: metering points, who lives there, and which meter is installed."""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import read_table, reject, reject_repeats, split
from registry.imports.identity import resolve
from registry.imports.instants import place
from registry.imports.report import ImportReport
from registry.limits import too_long
from registry.models import Customer, Installation, Meter, MeteringPoint
from registry.store import Registry

REQUIRED = ("metering_point", "customer_number", "manufacturer", "serial", "installed_at")
PERSONAL = ("customer_number", "name", "address", "postal_code", "city", "latitude", "longitude")
OPTIONAL = (*PERSONAL[1:], "version", "device_type")
_OPEN: dict[str, pl.DataType | type[pl.DataType]] = {
    "metering_point": pl.String,
    "meter_id": pl.String,
    "installed_at": pl.Datetime("us", "UTC"),
    "removed_at": pl.Datetime("us", "UTC"),
}


def import_customers(
    registry: Registry,
    content: bytes,
    *,
    organisation: str,
    identity: str,
    zone: ZoneInfo,
    now: datetime,
    source_name: str,
) -> ImportReport:
    """Adds metering points with their customers and installs their meters; a meter in stock goes into use.

    Args:
        registry: The registry.
        content: The CSV file.
        organisation: Owner of the points.
        identity: Who imports.
        zone: Zone of times without offset.
        now: Instant of the import.
        source_name: Name of the file.

    Returns:
        What was done. A line whose point holds another meter, or whose meter is elsewhere, is rejected: an exchange
        tells when and with which registers one followed the other.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    table = read_table(content, source_name, REQUIRED, OPTIONAL)
    table = place(table, "installed_at", zone).rename({"at": "begin"}).drop("time_flag")
    table = reject(
        table,
        [
            (pl.col("metering_point").is_null(), "no metering_point"),
            (pl.col("customer_number").is_null(), "no customer_number"),
            *too_long([Customer.metering_point, *(getattr(Customer, name) for name in PERSONAL)]),
        ],
    )
    table = resolve(registry, organisation, table)
    table = reject_repeats(table, ["metering_point"], "the metering point stands in an earlier line")
    table = reject_repeats(table, ["meter_id"], "the meter stands in an earlier line")
    with registry.begin() as session:
        installed = _installations(session, organisation)
        good, rejected = split(_against(table, installed))
        points = set(
            session.scalars(select(MeteringPoint.metering_point).where(MeteringPoint.organisation == organisation))
        )
        owner = pl.lit(organisation).alias("organisation")
        new = good.filter(~pl.col("metering_point").is_in(list(points)))
        if new.height:
            session.execute(
                insert(MeteringPoint), new.select(owner, "metering_point", role=pl.lit("consumption")).to_dicts()
            )
        updated = _write_customers(session, organisation, good)
        fresh = good.join(installed, on=["metering_point", "meter_id"], how="anti")
        if fresh.height:
            rows = fresh.select(owner, "metering_point", "meter_id", installed_at="begin", known_from=pl.lit(now))
            session.execute(insert(Installation), rows.to_dicts())
            in_use = fresh.select(owner, "meter_id", state=pl.lit("in_use")).unique("meter_id")
            session.execute(update(Meter), in_use.to_dicts())
        audit.record(
            session,
            organisation=organisation,
            event="customers.import",
            identity=identity,
            now=now,
            target=source_name,
            details={"added": new.height, "installed": fresh.height, "rejected": rejected.height},
        )
    updated -= set(new["metering_point"])
    return ImportReport(
        added=new.height,
        updated=len(updated),
        unchanged=good.height - new.height - len(updated),
        rejected=rejected,
    )


def _installations(session: Session, organisation: str) -> pl.DataFrame:
    rows = session.execute(
        select(
            Installation.metering_point, Installation.meter_id, Installation.installed_at, Installation.removed_at
        ).where(Installation.organisation == organisation, Installation.known_to.is_(None))
    ).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=_OPEN, orient="row")


def _against(table: pl.DataFrame, installed: pl.DataFrame) -> pl.DataFrame:
    """Finds lines that contradict what is installed."""
    current = installed.filter(pl.col("removed_at").is_null())
    at_point = current.select("metering_point", held="meter_id")
    of_meter = current.select("meter_id", place="metering_point").unique("meter_id")
    until = installed.group_by("meter_id").agg(until=pl.col("removed_at").max())
    known = installed.select("metering_point", "meter_id", known=pl.lit(value=True)).unique()
    joined = (
        table.join(at_point, on="metering_point", how="left", maintain_order="left")
        .join(of_meter, on="meter_id", how="left", maintain_order="left")
        .join(known, on=["metering_point", "meter_id"], how="left", maintain_order="left")
        .join(until, on="meter_id", how="left", maintain_order="left")
    )
    new = pl.col("known").is_null()
    return reject(
        joined,
        [
            (new & pl.col("held").is_not_null(), "another meter is installed there: import the exchange"),
            (new & (pl.col("place") != pl.col("metering_point")), "the meter is installed at another metering point"),
            (new & (pl.col("begin") < pl.col("until")), "the meter was installed elsewhere then"),
        ],
    ).drop("held", "place", "known", "until")


def _write_customers(session: Session, organisation: str, good: pl.DataFrame) -> set[str]:
    """Writes who lives where; gives the points whose customer changed."""
    statement = select(Customer).where(Customer.organisation == organisation)
    known = {row.metering_point: row for row in session.scalars(statement)}
    changed: set[str] = set()
    for line in good.select("metering_point", *PERSONAL).to_dicts():
        row = known.get(line["metering_point"])
        if row is None:
            session.add(Customer(organisation=organisation, **line))
        elif any(getattr(row, name) != line[name] for name in PERSONAL if line[name] is not None):
            changed.add(line["metering_point"])
            for name in PERSONAL:
                if line[name] is not None:
                    setattr(row, name, line[name])
    return changed
