"""Files that wait for somebody: what is withheld, what waits for another try, what was given up."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from registry.models import ExportJob, ExportRun

TROUBLES = ("withheld", "waiting", "failed")
"""States of runs whose files did not arrive."""


def troubled(session: Session, organisation: str) -> list[ExportRun]:
    """Runs in such a state, the newest first.

    A period that was asked for again is told by its newest revision alone, and of removed jobs nothing is told.

    Args:
        session: A transaction.
        organisation: Whose.
    """
    later = aliased(ExportRun)
    is_repeated = exists().where(
        later.job_id == ExportRun.job_id,
        later.period_from == ExportRun.period_from,
        later.period_to == ExportRun.period_to,
        later.revision > ExportRun.revision,
    )
    statement = (
        select(ExportRun)
        .join(ExportJob, ExportJob.job_id == ExportRun.job_id)
        .where(
            ExportRun.organisation == organisation,
            ExportRun.state.in_(TROUBLES),
            ExportJob.removed_at.is_(None),
            ~is_repeated,
        )
    )
    return list(session.scalars(statement.order_by(ExportRun.requested_at.desc(), ExportRun.seq.desc())))
