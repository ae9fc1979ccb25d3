"""Non-secret registry tables as they are published to the lake with each change."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, REGISTER, Column, Table

_custom_fields = Column(
    "custom_fields", pl.String, "JSON object: values of the utility's own fields by name.", nullable=True
)
_removed_at = Column("removed_at", INSTANT, "End of the installation; null while installed.", nullable=True)

METERS = Table(
    name="meters",
    meaning="One row per meter.",
    columns=(
        c.organisation,
        c.meter_id,
        Column("manufacturer", pl.String, "Three letters."),
        Column("serial", pl.String, "Eight digits as printed on the meter."),
        Column("version", pl.String, "Version byte, two hex digits."),
        Column("device_type", pl.String, "Device type byte, two hex digits."),
        Column("medium", pl.String, "water, warm_water, heat, cooling, heat_cooling, electricity, pressure or other."),
        Column("model", pl.String, "Model name.", nullable=True),
        Column("state", pl.String, "stock, in_use, removed, scrapped or deleted."),
        Column("key_status", pl.String, "missing, unverified, ok, wrong or expired."),
        Column("imported_at", INSTANT, "When the meter was imported; null where that is not known.", nullable=True),
        Column("state_since", INSTANT, "Since when it is in this state, where that is known.", nullable=True),
        Column("meter_number", pl.String, "Number that the utility gave the meter.", nullable=True),
        _custom_fields,
        c.published_from,
    ),
    key=("organisation", "meter_id"),
    sort_by=("meter_id",),
    versioned=True,
)

METERING_POINTS = Table(
    name="metering_points",
    meaning="One row per metering point.",
    columns=(
        c.organisation,
        c.metering_point,
        Column("medium", pl.String, "Medium of its meter.", nullable=True),
        Column("role", pl.String, "consumption, district_inflow, district_outflow, pressure or check."),
        _custom_fields,
        c.published_from,
    ),
    key=("organisation", "metering_point"),
    sort_by=("metering_point",),
    versioned=True,
)

INSTALLATIONS = Table(
    name="installations",
    meaning="One row per installation: which meter was at which point from when to when.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        Column("installed_at", INSTANT, "Start of the installation."),
        _removed_at,
        c.known_from,
    ),
    key=("organisation", "metering_point", "installed_at"),
    sort_by=("metering_point", "installed_at"),
    versioned=True,
)

METER_CONFIGURATIONS = Table(
    name="meter_configurations",
    meaning="One row per meter and stretch of time in which it was set in one way, as far as that was noted.",
    columns=(
        c.organisation,
        c.meter_id,
        Column("valid_from", INSTANT, "Since when it is set so."),
        Column("valid_to", INSTANT, "Until when; null where nothing later is known.", nullable=True),
        Column("interval_s", pl.Int64, "Time between two transmissions.", unit="s", nullable=True),
        Column("tariffs", pl.String, "Its tariffs, in the utility's words.", nullable=True),
        Column("pulse_inputs", pl.String, "What its pulse inputs count, in the utility's words.", nullable=True),
        Column("package", pl.String, "What its radio package contains, in the utility's words.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "meter_id", "valid_from"),
    sort_by=("meter_id", "valid_from"),
    versioned=True,
)

EXCHANGES = Table(
    name="exchanges",
    meaning="One row per meter exchange and register with the registers read at the exchange, as they are known now.",
    columns=(
        c.organisation,
        c.metering_point,
        Column("exchanged_at", INSTANT, "When the meters were exchanged."),
        Column("old_meter_id", pl.String, "Meter taken away."),
        Column("new_meter_id", pl.String, "Meter put in its place."),
        c.register,
        Column("old_final", REGISTER, "Register of the old meter at the exchange.", nullable=True),
        Column("new_initial", REGISTER, "Register of the new meter at the exchange; null where erased.", nullable=True),
        c.known_from,
        Column("reason", pl.String, "Why, in the words of who entered it.", nullable=True),
    ),
    key=("organisation", "metering_point", "exchanged_at", "register"),
    sort_by=("metering_point", "exchanged_at"),
    versioned=True,
)

FINAL_READINGS = Table(
    name="final_readings",
    meaning="One row per register read for a final settlement, at an exchange or when a customer moved out.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        Column("read_at", INSTANT, "When the register was read."),
        c.register,
        Column("value", REGISTER, "The register."),
        Column("cause", pl.String, "exchange or move_out."),
        c.known_from,
    ),
    key=("organisation", "metering_point", "read_at", "register", "cause"),
    sort_by=("metering_point", "read_at"),
    versioned=True,
)

COLLECTORS = Table(
    name="collectors",
    meaning="One row per collector.",
    columns=(
        c.organisation,
        Column("collector", pl.String, "Concentrator or other receiver."),
        Column("comment", pl.String, "Where it hangs, or what it is for.", nullable=True),
        c.published_from,
    ),
    key=("organisation", "collector"),
    sort_by=("collector",),
    versioned=True,
)

_member_from = Column("valid_from", INSTANT, "Start of the membership.")
_member_to = Column("valid_to", INSTANT, "End of the membership; null while it lasts.", nullable=True)

GROUPS = Table(
    name="groups",
    meaning="One row per group.",
    columns=(
        c.organisation,
        Column("group", pl.String, "Name of the group."),
        Column("kind", pl.String, "manual (people choose its members), rule or built-in."),
        c.published_from,
    ),
    key=("organisation", "group"),
    sort_by=("group",),
    versioned=True,
)

GROUP_MEMBERS = Table(
    name="group_members",
    meaning="One row per group and member with the time of membership; a member is a metering point, or a meter.",
    columns=(
        c.organisation,
        Column("group", pl.String, "Name of the group."),
        Column("metering_point", pl.String, "Member; in groups of meters where it is installed.", nullable=True),
        _member_from,
        _member_to,
        Column("meter_id", pl.String, "Member of a group of meters; null in groups of points.", nullable=True),
        c.published_from,
    ),
    key=("organisation", "group", "metering_point", "meter_id", "valid_from"),
    sort_by=("group", "metering_point", "meter_id"),
    versioned=True,
)

GROUP_READERS = Table(
    name="group_readers",
    meaning="One row per collector and group that it is expected to read, with the time.",
    columns=(
        c.organisation,
        Column("collector", pl.String, "Collector, e.g. an M-Bus master."),
        Column("group", pl.String, "Name of the group."),
        Column("valid_from", INSTANT, "Start of the assignment."),
        Column("valid_to", INSTANT, "End of the assignment; null while it lasts.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "collector", "valid_from"),
    sort_by=("collector", "valid_from"),
    versioned=True,
)

POLICIES = Table(
    name="policies",
    meaning="One row per version of a policy that was decided; before the first the shipped one held.",
    columns=(
        c.organisation,
        Column("kind", pl.String, "Which policy, e.g. consumption."),
        Column("version", pl.Int64, "Number of the version, from 1."),
        Column("document", pl.String, "The policy, YAML."),
        c.known_from,
        Column("known_to", INSTANT, "When the next version took its place; null while it holds.", nullable=True),
        Column("identity", pl.String, "Who decided."),
        Column("reason", pl.String, "Why, in the words of who decided."),
    ),
    key=("organisation", "kind", "version"),
    sort_by=("kind", "version"),
    known_since="known_from",
    known_until="known_to",
)

AUDIT_LOG = Table(
    name="audit_log",
    meaning="One row per change made by a person or a service.",
    columns=(
        c.organisation,
        Column("at", INSTANT, "When."),
        Column("event", pl.String, "Type of event, e.g. meters.import."),
        Column("identity", pl.String, "User or service."),
        Column("computer", pl.String, "Host the change came from.", nullable=True),
        Column("object", pl.String, "What was changed.", nullable=True),
        Column("before", pl.String, "JSON object: fields as they were; never a key or personal data.", nullable=True),
        Column("after", pl.String, "JSON object: the same fields as they are now.", nullable=True),
        Column("reason", pl.String, "Why, in the words of who did it.", nullable=True),
        Column("details", pl.String, "JSON object: technical details.", nullable=True),
        Column("number", pl.Int64, "Position in the chain of events."),
        Column("digest", pl.String, "Hash of the event and of the one before it (hex)."),
    ),
    key=("number",),
    sort_by=("number",),
    known_since="at",
)
