"""Reports that a rule sends to its recipients at each time of its frequency."""

from datetime import date, datetime, timedelta
from typing import cast

import polars as pl

from assets.installation import Installation
from registry.mail import Attachment
from registry.models import Organisation
from registry.notifications import telling
from registry.notifications.due import days_before, latest_due
from registry.notifications.rules import Report
from registry.notifications.telling import Holding
from warehouse import notification_texts as texts
from warehouse import pdf_table, workbook
from warehouse.formulas import shielded_texts
from warehouse.policies import InfoCodePolicy, PerformancePolicy
from warehouse.policies.info_codes import Language
from warehouse.queries import info_codes, performance, reports, subjects, water

_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_MOST_ROWS = {"xlsx": workbook.MOST_ROWS, "pdf": pdf_table.MOST_ROWS}


def send_report(house: Installation, held: Holding, now: datetime) -> int:
    """Queues the report of a rule that is due, and notes that it was; all in one transaction.

    Args:
        house: The installation.
        held: A rule with a report and a frequency.
        now: The present, UTC.

    Returns:
        Messages queued.

    Raises:
        ValueError: The rule has no report or no frequency.
    """
    report, frequency = held.rule.report, held.rule.frequency
    if report is None or frequency is None:
        raise ValueError("the rule sends no report")
    zone = house.settings.zone
    due_at = latest_due(frequency, zone, now)
    first, last = days_before(frequency, due_at.astimezone(zone).date())
    rows = report_rows(house, report, held.rule.group, first, last, cast("Language", held.rule.language), now)
    told = f"{first}" if first == last else f"{first} - {last}"
    title = f"{held.rule.title}: {texts.REPORTS[report.kind][held.rule.language]}, {told}"
    file = _file(report, rows, f"{first}_{last}", title, held.rule.language)
    vault = house.vault  # opening it takes a transaction of its own
    with house.registry.begin() as session:
        row = session.get(Organisation, house.organisation)
        values = {"organisation": row.name if row else house.organisation, "title": title}
        sent = [
            telling.tell(
                session,
                vault,
                recipient,
                held,
                "report",
                "report",
                dict(values),
                now,
                due_at=due_at,
                attachments=[file],
            )
            for recipient in telling.recipients_of(session, [held.rule_id])
        ]
        telling.handled(session, held.rule_id, due_at)
    return sum(message_id is not None for message_id in sent)


def report_rows(
    house: Installation, report: Report, group: str | None, first: date, last: date, language: Language, now: datetime
) -> pl.DataFrame:
    """The rows of a report, as its page and its command show them.

    Args:
        house: The installation.
        report: Which one.
        group: Only metering points that belong to this group; ``None`` for all. Water loss is about districts, and
            knows no groups.
        first: First local day.
        last: Last local day, inclusive.
        language: Language of names.
        now: The present, UTC.
    """
    lake, organisation, zone = house.lake, house.organisation, house.settings.zone
    points = subjects.members(lake, organisation, group, now) if group else None
    match report.kind:
        case "consumption":
            return reports.consumption_report(lake, organisation, reports.Asked(first, last, zone), points)
        case "performance":
            threshold = house.policy(PerformancePolicy).thresholds.get("daily", 100.0)
            rows = performance.by_meter(lake, organisation, "daily", first, last, points=points)
            return performance.judged(rows, threshold)
        case "water_loss":
            return water.balances(lake, organisation, water.Asked(zone, first, last))
        case "info_codes":
            asked = info_codes.Asked(
                as_of=now,
                zone=zone,
                expected_interval=timedelta(seconds=house.settings.expected_interval_s),
                language=language,
                first=first,
                last=last,
            )
            return info_codes.report(lake, organisation, house.policy(InfoCodePolicy), asked, points)


def _file(report: Report, rows: pl.DataFrame, period: str, title: str, language: str) -> Attachment:
    """The file; of more rows than its form has room for, CSV."""
    form = report.format if rows.height <= _MOST_ROWS.get(report.format, rows.height) else "csv"
    match form:
        case "csv":
            content = shielded_texts(rows).write_csv().encode()
        case "xlsx":
            content = workbook.workbook(rows)
        case "pdf":
            content = pdf_table.pdf_table(rows, title, language)
    return Attachment(f"{report.kind}_{period}.{form}", _TYPES[form], content)
