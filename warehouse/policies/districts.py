"""Districts of the water network: what flows in, who draws, and how losses are judged (ALGORITHMS §10, §13)."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from warehouse.policies.errors import PolicyError
from warehouse.policies.model import PolicyModel

Point = Annotated[str, Field(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]
Quantity = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class Night(PolicyModel):
    """How minimum night flow becomes leakage.

    Attributes:
        first_hour: First local hour of the night window.
        last_hour: Local hour at which it ends.
        median_days: Days whose nights the medians are of.
        coverage_limit: Share of the members that must be measured in the hour for their use to count.
        active_share: Share of the persons who draw water in a night hour, where use is not measured.
        flush_l: What each of them draws [l].
        use_share: Legitimate use as a share of the night flow, where not even persons are known.
        n1: Exponent of leakage over pressure: 0.5 fixed openings, such as in metal, to 1.5 openings that widen.
    """

    first_hour: Annotated[int, Field(ge=0, le=22)]
    last_hour: Annotated[int, Field(ge=1, le=23)]
    median_days: Annotated[int, Field(ge=1, le=31)]
    coverage_limit: Share
    active_share: Share
    flush_l: Quantity
    use_share: Share
    n1: Annotated[float, Field(ge=0.5, le=1.5)]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last_hour <= self.first_hour:
            raise ValueError("last_hour lies after first_hour")
        return self


class Alarms(PolicyModel):
    """When losses raise an alarm.

    Attributes:
        method: What finds gradual rises: ``ewma`` (smoothed losses) or ``cusum`` (their sum).
        window_days: Days with a known loss that tell what is usual, from the first one or after a repair.
        smoothing: Weight of the newest day in the smoothed loss.
        width: Standard deviations of the smoothed loss that are usual.
        slack: Standard deviations that the sum forgives a day.
        sum_limit: Standard deviations that the sum may reach.
        sudden: Standard deviations that a single night may lie above the usual one.
        seasonal: Standard deviations that a week may lie above the same week of last year.
        least_share: Standard deviations are never taken for less than this share of the usual input: a smaller rise is
            within what meters and reading times make of a day.
    """

    method: Literal["ewma", "cusum"]
    window_days: Annotated[int, Field(ge=7, le=366)]
    smoothing: Annotated[float, Field(gt=0, le=1)]
    width: Positive
    slack: Quantity
    sum_limit: Positive
    sudden: Positive
    seasonal: Positive
    least_share: Share


class Sensor(PolicyModel):
    """A pressure sensor's point.

    Attributes:
        elevation_m: Height of the sensor; heads of two sensors compare by it.
        points: Points whose consumption it stands for in the average pressure.
        group: Group whose points these are, where they are not named.
        weight: Consumption it stands for against the others, on days on which that of the points is not known.
    """

    elevation_m: float | None = None
    points: tuple[Point, ...] = ()
    group: Point | None = None
    weight: Positive = 1.0

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.group is not None and self.points:
            raise ValueError("what a sensor stands for is either a group or points")
        return self


class Stretch(PolicyModel):
    """Pipe between two sensors whose head loss is followed.

    Attributes:
        upstream: Sensor at its beginning.
        downstream: Sensor at its end.
        flow: Point whose meter tells the flow through it.
    """

    upstream: Point
    downstream: Point
    flow: Point


class Pressure(PolicyModel):
    """When pressure is an event, and how much head it is.

    Attributes:
        low_bar: Pressure below is low.
        high_bar: Pressure above is high.
        surge_bar: A larger step between two samples is a surge.
        apart_s: Samples of two sensors this far apart count as of the same instant [s].
        samples_apart_s: Samples further apart than this are not consecutive [s].
        drop_sigmas: Standard deviations that smoothed head loss may exceed what flow explains.
        least_drop_m: Head that a drop has at least [m].
        water_temp_c: Temperature of the water, from which a bar's head follows [degC]; left out: water of 1000 kg/m³.
    """

    low_bar: Quantity
    high_bar: Quantity
    surge_bar: Positive
    apart_s: Annotated[int, Field(ge=1, le=3600)]
    samples_apart_s: Annotated[int, Field(ge=1, le=86400)]
    drop_sigmas: Positive
    least_drop_m: Quantity
    water_temp_c: Annotated[float, Field(ge=0, le=100)] | None = None


class District(PolicyModel):
    """A part of the network whose inflow is metered.

    Attributes:
        inflow: Points through which water comes in.
        outflow: Points through which it leaves for other districts.
        filling: Points through which storage inside is filled.
        drawing: Points through which it is drawn from storage.
        group: Group whose points are the members.
        points: The members by name, where there is no group of them.
        mains_km: Length of the mains.
        connections: Service connections, main to property line.
        private_pipe_km: Length of private pipes from the property line to the meter.
        average_pressure_m: Average pressure, metres of head; measured where sensors are named.
        sensors: Pressure sensors by point.
        stretches: Pipes whose head loss is followed.
        pressure_profile_m: 24 pressures of the local hours for the hour-day factor.
        billed_unmetered_m3_per_day: Billed without a meter.
        unbilled_m3_per_day: Authorised and not billed: flushing, fire.
        apparent_loss_percent: Meters' under-registration, theft and errors of data, in per cent of metered consumption.
        tariff: Price of a cubic metre.
        persons: People who live there.
        exceptional_night_use_m3h: Known night use of single customers who are no members.
        repaired_on: Days of repairs, after which the usual loss is learned anew.
    """

    inflow: Annotated[tuple[Point, ...], Field(min_length=1)]
    outflow: tuple[Point, ...] = ()
    filling: tuple[Point, ...] = ()
    drawing: tuple[Point, ...] = ()
    group: Point | None = None
    points: tuple[Point, ...] = ()
    mains_km: Positive
    connections: Annotated[int, Field(gt=0)]
    private_pipe_km: Quantity = 0
    average_pressure_m: Positive | None = None
    sensors: Annotated[dict[Point, Sensor], Field(default_factory=dict)]
    stretches: tuple[Stretch, ...] = ()
    pressure_profile_m: Annotated[tuple[Positive, ...], Field(min_length=24, max_length=24)] | None = None
    billed_unmetered_m3_per_day: Quantity = 0
    unbilled_m3_per_day: Quantity = 0
    apparent_loss_percent: Annotated[float, Field(ge=0, le=100)] = 0
    tariff: Quantity = 0
    persons: Annotated[int, Field(gt=0)] | None = None
    exceptional_night_use_m3h: Quantity = 0
    repaired_on: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.group is None) == (not self.points):
            raise ValueError("the members are either a group or points")
        for stretch in self.stretches:
            for name in (stretch.upstream, stretch.downstream):
                if name not in self.sensors or self.sensors[name].elevation_m is None:
                    raise ValueError(f"{name} is an end of a stretch and needs an elevation_m among the sensors")
        flows = [*self.inflow, *self.outflow, *self.filling, *self.drawing]
        if len(set(flows)) < len(flows):
            raise ValueError("a point stands twice among inflow, outflow, filling and drawing")
        return self

    @property
    def flows(self) -> dict[str, str]:
        """The term of the balance that each flow point belongs to."""
        terms = {"input": self.inflow, "output": self.outflow, "filling": self.filling, "drawing": self.drawing}
        return {point: term for term, points in terms.items() for point in points}


class DistrictsPolicy(PolicyModel):
    """The districts, and how their losses are judged.

    Attributes:
        input_uncertainty: Relative standard error of flow points' meters.
        consumption_uncertainty: Relative standard error of members' meters.
        coverage_limit: Share of the expected consumption that must be measured for a loss to be stated.
        history_days: Days that estimates of missing members rest on.
        night: Minimum night flow.
        alarms: When losses raise an alarm.
        pressure: When pressure is an event.
        districts: The districts by name.
    """

    input_uncertainty: Share
    consumption_uncertainty: Share
    coverage_limit: Share
    history_days: Annotated[int, Field(ge=1, le=366)]
    night: Night
    alarms: Alarms
    pressure: Pressure
    districts: dict[Annotated[str, Field(min_length=1, max_length=64)], District]


def check_districts(policy: DistrictsPolicy, roles: dict[str, str], groups: set[str]) -> None:
    """Compares the districts with the registry.

    Args:
        policy: The policy.
        roles: Role by metering point, of all there are.
        groups: Names of the groups there are.

    Raises:
        PolicyError: A district names a point or a group that there is none of, or a point whose role is another: what
            flows in and out must not count as consumption.
    """
    for name, district in policy.districts.items():
        for group in (district.group, *(sensor.group for sensor in district.sensors.values())):
            if group is not None and group not in groups:
                raise PolicyError(f"District {name}: there is no group {group}; 'meterhouse group list' shows all.")
        stretched = [stretch.flow for stretch in district.stretches]
        served = [point for sensor in district.sensors.values() for point in sensor.points]
        for point in (*district.flows, *district.points, *district.sensors, *stretched, *served):
            if point not in roles:
                raise PolicyError(f"District {name}: there is no metering point {point}; install its meter first.")
        for point in district.flows:
            if roles[point] == "consumption":
                raise PolicyError(
                    f"District {name}: {point} counts as consumption; say what it is: "
                    f"meterhouse meter role {point} district_inflow."
                )
        for point in district.sensors:
            if roles[point] != "pressure":
                raise PolicyError(
                    f"District {name}: {point} is no pressure sensor: meterhouse meter role {point} pressure."
                )
