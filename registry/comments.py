"""Comments on rows of reports: who wrote what about which meter when; the audit log keeps that, not the words."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Meter, ReportComment

PERFORMANCE, INFO_CODES = "performance", "info_codes"
"""Reports whose rows may have comments."""

LONGEST = 500
"""Characters of a comment at most."""


def comment(
    session: Session,
    organisation: str,
    meter_id: str,
    text: str,
    *,
    identity: str,
    now: datetime,
    report: str = PERFORMANCE,
) -> int:
    """Adds a comment to a meter's rows in a report.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        meter_id: The meter.
        text: The comment.
        identity: Who writes.
        now: When, UTC.
        report: Which report.

    Returns:
        Number of the comment among the meter's.

    Raises:
        RegistryError: There is no such meter, or the text is empty or too long.
    """
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise RegistryError(f"A comment has 1 to {LONGEST} characters; this one has {len(words)}.")
    if session.get(Meter, (organisation, meter_id)) is None:
        raise RegistryError(f"There is no meter {meter_id}.")
    last = select(func.max(ReportComment.number)).where(
        ReportComment.organisation == organisation,
        ReportComment.report == report,
        ReportComment.subject == meter_id,
    )
    number = (session.scalar(last) or 0) + 1
    session.add(
        ReportComment(
            organisation=organisation,
            report=report,
            subject=meter_id,
            number=number,
            text=words,
            identity=identity,
            written_at=now,
        )
    )
    audit.record(
        session,
        organisation=organisation,
        event="report.comment",
        identity=identity,
        now=now,
        target=meter_id,
        details={"report": report, "number": number},
    )
    return number


def comments(
    session: Session, organisation: str, as_of: datetime | None = None, report: str = PERFORMANCE
) -> pl.DataFrame:
    """The newest comment on each meter's rows of a report.

    Args:
        session: A transaction.
        organisation: Owner of the meters.
        as_of: The newest of then, UTC; ``None`` for now.
        report: Which report.

    Returns:
        ``meter_id``, ``comment``, ``comment_by`` and ``comment_at`` (UTC).
    """
    statement = (
        select(ReportComment)
        .where(ReportComment.organisation == organisation, ReportComment.report == report)
        .order_by(ReportComment.subject, ReportComment.number)
    )
    if as_of is not None:
        statement = statement.where(ReportComment.written_at <= as_of)
    newest = {row.subject: (row.subject, row.text, row.identity, row.written_at) for row in session.scalars(statement)}
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "meter_id": pl.String,
        "comment": pl.String,
        "comment_by": pl.String,
        "comment_at": pl.Datetime("us", "UTC"),
    }
    return pl.DataFrame(list(newest.values()), schema=schema, orient="row")


def comments_on(session: Session, organisation: str, meter_id: str) -> pl.DataFrame:
    """Every comment on a meter, the newest first.

    Args:
        session: A transaction.
        organisation: Owner of the meter.
        meter_id: The meter.

    Returns:
        ``comment_at`` (UTC), ``comment`` and ``comment_by``.
    """
    row = ReportComment
    statement = (
        select(row.written_at, row.text, row.identity)
        .where(row.organisation == organisation, row.report == PERFORMANCE, row.subject == meter_id)
        .order_by(row.number.desc())
    )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "comment_at": pl.Datetime("us", "UTC"),
        "comment": pl.String,
        "comment_by": pl.String,
    }
    return pl.DataFrame([tuple(found) for found in session.execute(statement)], schema=schema, orient="row")


def erase_comments(session: Session, organisation: str, meters: Sequence[str]) -> None:
    """Deletes every comment on meters: what is told of them may be about who lives there."""
    session.execute(
        delete(ReportComment).where(ReportComment.organisation == organisation, ReportComment.subject.in_(list(meters)))
    )
