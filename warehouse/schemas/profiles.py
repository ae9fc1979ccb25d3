"""Profiles of customer classes: what estimates of points without hours of their own rest on."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import REGISTER, Column, Table

GROUP_PROFILES = Table(
    name="group_profiles",
    meaning="One row per customer class, register, local month, day class and local hour: the hour's usual share.",
    columns=(
        c.organisation,
        Column("medium", pl.String, "Medium of the metering points; empty where it is not known."),
        Column("customer_class", pl.String, "Class by the policy estimation; empty where it names none."),
        c.register,
        Column("local_month", pl.Date, "First day of the local month that the profile was learned from."),
        Column("day_class", pl.Int32, "0 Monday to Thursday, 1 Friday, 2 Saturday, 3 Sunday or holiday."),
        Column("hour", pl.Int32, "Hour that clocks show, 0 to 23."),
        Column(
            "share", REGISTER, "Median over points and days of the hour's consumption over the point's mean hour.", "1"
        ),
        Column("meters", pl.Int64, "Metering points that the profile rests on."),
        c.known_from,
    ),
    key=("organisation", "medium", "customer_class", "register", "local_month", "day_class", "hour"),
    versioned=True,
    sort_by=("local_month", "medium", "customer_class", "register", "day_class", "hour"),
)
