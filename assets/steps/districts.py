"""Districts and what belongs to them, as policy and registry say."""

from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from assets.installation import Installation
from warehouse.policies.districts import DistrictsPolicy, check_districts
from warehouse.queries.roles import CONSUMING
from warehouse.schemas import GROUP_MEMBERS, GROUPS, INSTALLATIONS, INSTANT, METERING_POINTS, Table
from warehouse.transforms.pressure import sensors_of, stretches_of

_POINT = "metering_point"
_BELONGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "district": pl.String,
    _POINT: pl.String,
    "valid_from": INSTANT,
    "valid_to": INSTANT,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Districts and what belongs to them.

    Attributes:
        policy: The districts.
        flows: ``district``, ``metering_point`` and ``term``.
        members: ``district``, ``metering_point``, ``start`` and ``end`` of each time that a meter was at a member.
        sensors: ``district``, ``metering_point``, ``meter_id``, ``start`` and ``end`` of each sensor's meters.
        served: ``district``, ``sensor``, ``metering_point``, ``start`` and ``end`` of each time that a sensor stood for
            a point.
    """

    policy: DistrictsPolicy
    flows: pl.DataFrame
    members: pl.DataFrame
    sensors: pl.DataFrame
    served: pl.DataFrame

    @property
    def points(self) -> pl.DataFrame:
        """``district`` and ``metering_point`` of everything that a district's figures rest on."""
        parts = (
            self.flows,
            self.members,
            self.sensors,
            self.served,
            stretches_of(self.policy).rename({"flow": _POINT}),
        )
        return pl.concat([part.select("district", _POINT) for part in parts]).unique()

    def of(self, names: list[str]) -> "Scope":
        """The same of some districts."""
        chosen = {name: one for name, one in self.policy.districts.items() if name in names}
        ours = pl.col("district").is_in(names)
        return Scope(
            self.policy.model_copy(update={"districts": chosen}),
            self.flows.filter(ours),
            self.members.filter(ours),
            self.sensors.filter(ours),
            self.served.filter(ours),
        )

    def digest(self, name: str) -> str:
        """What a district's figures rest on but consumption, as a hash: another one has them all reckoned again."""
        one = self.of([name])
        text = (
            one.policy.model_dump_json()
            + one.members.sort(pl.all()).write_csv()
            + one.sensors.write_csv()
            + one.served.write_csv()
        )
        return sha256(text.encode()).hexdigest()


def read_scope(house: Installation) -> Scope:
    """The districts of the policy with their points; points that there are none of have no meters."""
    policy = house.policy(DistrictsPolicy)
    consuming = own(house, METERING_POINTS).filter(CONSUMING).select(_POINT).collect()
    installed = own(house, INSTALLATIONS).select(_POINT, "meter_id", "installed_at", "removed_at").collect()
    flows = [(name, point, term) for name, one in policy.districts.items() for point, term in one.flows.items()]
    members = (
        _belonging(house, policy)
        .join(consuming, on=_POINT, how="semi")
        .join(installed, on=_POINT)
        .select(
            "district",
            _POINT,
            start=pl.max_horizontal("installed_at", "valid_from"),
            end=pl.min_horizontal("removed_at", "valid_to"),
        )
        .filter((pl.col("start") < pl.col("end")).fill_null(value=True))
    )
    sensors = sensors_of(policy).join(installed, on=_POINT)
    return Scope(
        policy,
        pl.DataFrame(flows, schema=dict.fromkeys(("district", _POINT, "term"), pl.String), orient="row"),
        members.unique().sort(pl.all()),
        sensors.select("district", _POINT, "meter_id", start="installed_at", end="removed_at").sort(pl.all()),
        _served(house, policy).join(consuming, on=_POINT, how="semi").unique().sort(pl.all()),
    )


def check_scope(house: Installation, policy: DistrictsPolicy) -> None:
    """Compares the policy with the registry.

    Raises:
        PolicyError: It names a point or a group that there is none of, or a point of another role.
    """
    points = own(house, METERING_POINTS).select(_POINT, "role").collect()
    groups = own(house, GROUPS).select("group").collect()["group"]
    check_districts(policy, dict(points.rows()), set(groups))


def own(house: Installation, table: Table) -> pl.LazyFrame:
    """The organisation's rows of a table."""
    return house.lake.scan(table).filter(pl.col("organisation") == house.organisation)


def _belonging(house: Installation, policy: DistrictsPolicy) -> pl.DataFrame:
    """Points of the districts, by name or by group, with the time they belong to them."""
    named = [(name, point, None, None) for name, one in policy.districts.items() for point in one.points]
    grouped = [(name, one.group) for name, one in policy.districts.items() if one.group]
    by_group = (
        pl.DataFrame(grouped, schema=dict.fromkeys(("district", "group"), pl.String), orient="row")
        .join(_grouped(house), on="group")
        .select(list(_BELONGS))
    )
    return pl.concat([pl.DataFrame(named, schema=_BELONGS, orient="row"), by_group])


def _served(house: Installation, policy: DistrictsPolicy) -> pl.DataFrame:
    """Points that sensors stand for, by name or by group, with the time they belong to them."""
    every = [(name, at, one) for name, district in policy.districts.items() for at, one in district.sensors.items()]
    texts = dict.fromkeys(("district", "sensor"), pl.String)
    named = [(name, sensor, point, None, None) for name, sensor, one in every for point in one.points]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {**texts, _POINT: pl.String, "start": INSTANT, "end": INSTANT}
    grouped = [(name, sensor, one.group) for name, sensor, one in every if one.group]
    by_group = (
        pl.DataFrame(grouped, schema=texts | {"group": pl.String}, orient="row")
        .join(_grouped(house), on="group")
        .select("district", "sensor", _POINT, start="valid_from", end="valid_to")
    )
    return pl.concat([pl.DataFrame(named, schema=schema, orient="row"), by_group])


def _grouped(house: Installation) -> pl.DataFrame:
    """Members of all groups that are metering points."""
    return own(house, GROUP_MEMBERS).drop_nulls(_POINT).collect()
