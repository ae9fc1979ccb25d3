"""Files of customers: metering points, who lives there, and which meter is installed."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, REASON, reject, reject_repeats, split
from registry.erased_customers import reject_erased
from registry.imports.degrees import degree_rules
from registry.imports.identity import resolve
from registry.imports.instants import place
from registry.imports.occupancies import occupancy_changes, plan_occupancies, write_occupancies
from registry.imports.report import WHOLE_FILE, ImportMode, ImportReport
from registry.inventory.lifecycle import put_in_use, refusals
from registry.inventory.roles import CONSUMPTION, ROLES, write_roles
from registry.models import Installation, MeteringPoint, MeterKey
from registry.profiles import read_lines, shipped_profiles
from registry.store import Registry
from registry.vault import KeyVault
from warehouse.phrases import phrase

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
    vault: KeyVault,
    zone: ZoneInfo,
    now: datetime,
    source_name: str,
    mode: ImportMode = WHOLE_FILE,
    keyed_only: bool = False,
    overwrite_coordinates: bool = False,
) -> ImportReport:
    """Adds metering points with their customers and installs their meters; a meter in stock goes into use.

    A line with another customer than the one who lives there tells of a move: the former occupancy ends and is kept.

    Args:
        registry: The registry.
        content: The file.
        organisation: Owner of the points.
        identity: Who imports.
        vault: Recognises customers who are erased, and wraps the keys of those whose data changes, for the audit log.
        zone: Zone of times without offset, where the profile names none.
        now: Instant of the import; meters without ``installed_at`` are installed then.
        source_name: Name of the file.
        mode: How it is imported.
        keyed_only: Whether lines are left out whose meter is not registered or has no key.
        overwrite_coordinates: Whether coordinates of the file win over those that stand.

    Returns:
        What was done. A line whose point holds another meter, or whose meter is elsewhere, is rejected: an exchange
        tells when and with which registers one followed the other. So is one that would make an erased customer known.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    profile = mode.profile or shipped_profiles()["customers"]
    lines = read_lines(content, source_name, profile)
    table = _placed(lines.table, ZoneInfo(profile.time_zone) if profile.time_zone else zone, now)
    table = check_customers(table)
    table = resolve(registry, organisation, table)
    with registry.begin() as session:
        table = reject_erased(session, vault, organisation, table)
        table, skipped = _within_scope(session, organisation, table, keyed_only=keyed_only)
        table = reject_repeats(table, ["metering_point"], "the metering point stands in an earlier line")
        table = reject_repeats(table, ["meter_id"], "the meter stands in an earlier line")
        installed = _installations(session, organisation)
        table = _against(table, installed, refusals(session, organisation, table["meter_id"].drop_nulls()))
        plan = plan_occupancies(session, organisation, table, now=now, overwrite_coordinates=overwrite_coordinates)
        good, rejected = split(plan.lines)
        point = MeteringPoint
        stated = select(point.metering_point, point.role).where(point.organisation == organisation)
        points = dict(session.execute(stated).all())
        owner = pl.lit(organisation).alias("organisation")
        new = good.filter(~pl.col("metering_point").is_in(list(points)))
        if new.height:
            session.execute(
                insert(MeteringPoint),
                new.select(owner, "metering_point", role=pl.col("role").fill_null(CONSUMPTION)).to_dicts(),
            )
        told = dict(good.drop_nulls("role").select("metering_point", "role").rows())
        turned = {name: role for name, role in told.items() if points.get(name, role) != role}
        write_roles(session, organisation, turned)
        moved, changed = write_occupancies(session, organisation, plan, now)
        fresh = good.join(installed, on=["metering_point", "meter_id"], how="anti")
        if fresh.height:
            rows = fresh.select(owner, "metering_point", "meter_id", installed_at="begin", known_from=pl.lit(now))
            session.execute(insert(Installation), rows.to_dicts())
        since = dict(fresh.select("meter_id", "begin").rows())
        into_use = put_in_use(session, organisation, since, identity, now, reason=f"installed by {source_name}")
        updated = (changed | set(turned)) - set(new["metering_point"])
        audit.record(
            session,
            organisation=organisation,
            event="customers.import",
            identity=identity,
            now=now,
            target=source_name,
            details={
                "added": new.height,
                "updated": len(updated),
                "moved": moved,
                "roles": len(turned),
                "installed": fresh.height,
                "put_in_use": len(into_use),
                "skipped": skipped.height,
                "rejected": rejected.height,
            },
        )
        roles = [
            audit.Change(name, {"role": points[name]}, {"role": role}, "metering_points.update")
            for name, role in sorted(turned.items())
        ]
        audit.record_changes(
            session,
            organisation=organisation,
            event="customers.import",
            identity=identity,
            now=now,
            changes=[*occupancy_changes(plan, vault), *roles],
            details={"file": source_name},
        )
        stored = mode.settle(session, rejected)
    return ImportReport(
        added=new.height,
        updated=len(updated),
        unchanged=good.height - new.height - len(updated),
        rejected=rejected,
        skipped=skipped,
        changes=plan.changes,
        warnings=lines.warnings,
        stored=stored,
    )


def _placed(table: pl.DataFrame, zone: ZoneInfo, now: datetime) -> pl.DataFrame:
    """Reads the times; a meter is installed at the import where the line does not say when."""
    for column, name in (("installed_at", "begin"), ("occupied_from", "moved_in"), ("occupied_to", "moved_out")):
        table = place(table, column, zone, optional=True).rename({"at": name}).drop("time_flag", column)
    return table.with_columns(pl.col("begin").fill_null(pl.lit(now).cast(table.schema["begin"])))


def check_customers(table: pl.DataFrame) -> pl.DataFrame:
    """Finds lines that name nobody, or a place that is none."""
    rules = [
        (pl.col("metering_point").is_null(), "no metering_point"),
        (pl.col("customer_number").is_null(), "no customer_number"),
        (pl.col("moved_out") <= pl.col("moved_in"), "occupied_to does not lie after occupied_from"),
        (~pl.col("email").str.contains(r"^[^@\s]+@[^@\s]+$"), "email is no e-mail address"),
        (~pl.col("role").is_in(ROLES), f"the role is none of {', '.join(ROLES)}"),
        *degree_rules(),
    ]
    return reject(table, rules)


def _within_scope(
    session: Session, organisation: str, table: pl.DataFrame, *, keyed_only: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lines to import, and those that are left out since their meter is not registered or has no key."""
    nothing = table.head(0).select(LINE, REASON)
    if not keyed_only:
        return table, nothing
    keys = session.scalars(
        select(MeterKey.meter_id).where(MeterKey.organisation == organisation, MeterKey.key_class == "oms").distinct()
    )
    keyed = pl.col("meter_id").is_in(pl.Series(list(keys), dtype=pl.String).implode())
    unknown = pl.col("meter_id").is_null() & pl.col(REASON).str.ends_with(" is not registered")
    keyless = pl.col("meter_id").is_not_null() & ~keyed
    left = (unknown | keyless).fill_null(value=False)
    reason = pl.when(unknown).then(REASON).otherwise(phrase("meter {} has no key", "meter_id"))
    return table.filter(~left), table.filter(left).select(LINE, reason.alias(REASON))


def _installations(session: Session, organisation: str) -> pl.DataFrame:
    rows = session.execute(
        select(
            Installation.metering_point, Installation.meter_id, Installation.installed_at, Installation.removed_at
        ).where(Installation.organisation == organisation, Installation.known_to.is_(None))
    ).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=_OPEN, orient="row")


def _against(table: pl.DataFrame, installed: pl.DataFrame, refused: Mapping[str, str]) -> pl.DataFrame:
    """Finds lines that contradict what is installed, and whose meter may not go into use."""
    current = installed.filter(pl.col("removed_at").is_null())
    at_point = current.select("metering_point", held="meter_id").unique("metering_point")
    of_meter = current.select("meter_id", place="metering_point").unique("meter_id")
    until = installed.group_by("meter_id").agg(until=pl.col("removed_at").max())
    known = installed.select("metering_point", "meter_id", known=pl.lit(value=True)).unique()
    joined = (
        table.join(at_point, on="metering_point", how="left", maintain_order="left")
        .join(of_meter, on="meter_id", how="left", maintain_order="left")
        .join(known, on=["metering_point", "meter_id"], how="left", maintain_order="left")
        .join(until, on="meter_id", how="left", maintain_order="left")
        .with_columns(refused=pl.col("meter_id").replace_strict(refused, default=None, return_dtype=pl.String))
    )
    new = pl.col("known").is_null()
    return reject(
        joined,
        [
            (new & pl.col("held").is_not_null(), "another meter is installed there: import the exchange"),
            (new & (pl.col("place") != pl.col("metering_point")), "the meter is installed at another metering point"),
            (new & (pl.col("begin") < pl.col("until")), "the meter was installed elsewhere then"),
            (new & pl.col("refused").is_not_null(), pl.col("refused")),
        ],
    ).drop("held", "place", "known", "until", "refused")
