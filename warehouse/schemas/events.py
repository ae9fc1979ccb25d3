"""Events about figures and deliveries: what, when, why, by whom."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, REGISTER, Column, Table

CORRECTIONS = Table(
    name="corrections",
    meaning="One row per superseded figure: its old value, the new one and the cause.",
    columns=(
        c.organisation,
        Column("table_name", pl.String, "Table of the figure, e.g. consumption_daily."),
        c.metering_point,
        Column("meter_id", pl.String, "Meter of the figure before.", nullable=True),
        c.register,
        Column("period_start", INSTANT, "Start of the figure's period."),
        Column("period_end", INSTANT, "End of the figure's period."),
        Column("old_consumption", REGISTER, "Figure before.", nullable=True),
        Column("old_quality", pl.String, "Its quality."),
        Column("new_consumption", REGISTER, "Figure after.", nullable=True),
        Column("new_quality", pl.String, "Its quality."),
        Column(
            "cause",
            pl.String,
            "What brought the change: late_data (readings), exchange, registry, decision (about an exception), policy, "
            "estimate (provisional, made again or final) or backfill.",
            values=("late_data", "exchange", "registry", "decision", "policy", "estimate", "backfill"),
        ),
        Column("identity", pl.String, "Who brought it: user or service; null where nobody did by hand.", nullable=True),
        c.known_from,
        Column("known_to", INSTANT, "Until when the old figure was believed."),
    ),
    key=("organisation", "table_name", "metering_point", "register", "period_start", "known_to"),
    sort_by=("metering_point", "register", "period_start"),
    known_since="known_to",
)

VEE_EXCEPTIONS = Table(
    name="vee_exceptions",
    meaning="One row per value that a validation rule questions.",
    columns=(
        c.organisation,
        c.meter_id,
        Column("metering_point", pl.String, c.metering_point.meaning, nullable=True),
        Column("register", pl.String, "Register or gauge; * for a reading as a whole."),
        Column("at", INSTANT, "Time of the questioned value."),
        Column("rule", pl.String, "Code of the rule that raised it, V01 to V24."),
        Column("reason", pl.String, "In words."),
        Column(
            "state",
            pl.String,
            "open, estimated (waits for nobody), approved, rejected, overridden, or resolved (its cause is gone).",
            values=("open", "estimated", "approved", "rejected", "overridden", "resolved"),
        ),
        Column("kind", pl.String, "Name of the rule, or of the event it is about, e.g. RESET.", nullable=True),
        Column("severity", pl.String, "warn, reject or estimate.", nullable=True),
        Column("policy_version", pl.Int32, "Version of the policy validation that it was judged by.", nullable=True),
        Column("evidence", pl.String, "JSON object: what it was judged by.", nullable=True),
        Column("value", REGISTER, "What a person says the register showed, where overridden.", nullable=True),
        Column("reason_code", pl.String, "Why it was decided so.", nullable=True),
        Column("decided_at", INSTANT, "When it was decided.", nullable=True),
        Column("decided_by", pl.String, "User or service that decided.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "meter_id", "register", "at", "rule"),
    sort_by=("meter_id", "register", "at"),
    versioned=True,
)

FINAL_ESTIMATES = Table(
    name="final_estimates",
    meaning="One row per stretch of provisional days that somebody made final estimates.",
    columns=(
        c.organisation,
        c.metering_point,
        c.register,
        Column("first_day", pl.Date, "First local day."),
        Column("last_day", pl.Date, "Last local day, included."),
        c.known_from,
    ),
    key=("organisation", "metering_point", "register", "first_day", "last_day"),
    sort_by=("metering_point", "register", "first_day"),
    published=False,
)

DELIVERIES = Table(
    name="deliveries",
    meaning="One row each time that a file was delivered, withheld, given up or cancelled.",
    columns=(
        c.organisation,
        Column("run_id", pl.String, "Run of the job: the file, however often it was tried."),
        Column("job", pl.String, "Export job."),
        Column("period_start", INSTANT, "Start of the period."),
        Column("period_end", INSTANT, "End of the period."),
        Column("revision", pl.Int32, "Number of the delivery of this period, from 1."),
        Column(
            "state",
            pl.String,
            "delivered, withheld (a gate was not passed), failed (given up) or cancelled.",
            values=("delivered", "withheld", "failed", "cancelled"),
        ),
        Column("reason", pl.String, "Why, where not delivered.", nullable=True),
        Column("file_name", pl.String, "Name of the file; null where none was built.", nullable=True),
        Column("file_sha256", pl.String, "Hash of the file.", nullable=True),
        Column("row_count", pl.Int64, "Rows that it holds.", nullable=True),
        Column("size_bytes", pl.Int64, "Its size.", nullable=True),
        Column("as_of", INSTANT, "Instant at which its rows were known.", nullable=True),
        Column("attempts", pl.Int32, "Tries to build or deliver it that came to an end."),
        Column("requested_by", pl.String, "Who asked for it: user or service."),
        Column("released_by", pl.String, "Who let a withheld file go.", nullable=True),
        Column("at", INSTANT, "When."),
    ),
    key=("organisation", "run_id", "at"),
    sort_by=("job", "period_start"),
    known_since="at",
)

NOTIFICATIONS = Table(
    name="notifications",
    meaning="One row per notification to one recipient of a rule, and what became of it.",
    columns=(
        c.organisation,
        Column("message_id", pl.String, "Name of the message; the same at each attempt to send it."),
        Column("rule_id", pl.String, "Rule that it comes from."),
        Column("rule", pl.String, "What people call that rule; Subscription where a customer chose it."),
        Column(
            "kind",
            pl.String,
            "immediate (of events as soon as they are known), digest or report.",
            values=("immediate", "digest", "report"),
        ),
        Column("channel", pl.String, "mail or sms.", values=("mail", "sms")),
        Column("recipient_no", pl.Int64, "Number of the recipient in the rule; the address is in the registry alone."),
        Column("made_at", INSTANT, "When it was written."),
        Column(
            "state",
            pl.String,
            "queued, retry (an attempt failed), sent (the server took it), delivered or dead (given up).",
            values=("queued", "retry", "sent", "delivered", "dead"),
        ),
        Column("attempts", pl.Int64, "How often sending was begun."),
        Column("next_at", INSTANT, "When it is tried next.", nullable=True),
        Column("settled_at", INSTANT, "When it was sent or given up.", nullable=True),
        Column("status", pl.String, "waiting, success or failed.", values=("waiting", "success", "failed")),
        Column("reason", pl.String, "Why.", nullable=True),
    ),
    key=("organisation", "message_id"),
    sort_by=("made_at",),
    known_since="made_at",
)
