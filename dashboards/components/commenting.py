"""Comments that people write on rows of reports."""

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.words import Words
from registry import comments
from registry.people.rights import READING_MANAGEMENT, Right

RIGHT = Right(READING_MANAGEMENT)


def joined(rows: pl.DataFrame, report: str) -> pl.DataFrame:
    """Rows with the newest comment on their meters.

    Args:
        rows: Rows with ``meter_id``.
        report: One of those of :mod:`registry.comments`.

    Returns:
        The same rows with ``comment``, ``comment_by`` (a name) and ``comment_at`` (UTC); nulls where there is none.
    """
    with installation().registry.begin(readonly=True) as session:
        found = comments.comments(session, organisation(), report=report)
    mine = found.join(rows.select("meter_id").unique(), on="meter_id", how="semi")
    named = mine.with_columns(asking.names(mine["comment_by"]).alias("comment_by"))
    return rows.join(named, on="meter_id", how="left", maintain_order="left")


def writer(say: Words, chosen: pl.DataFrame, report: str, *, key: str) -> None:
    """Draws what writes a comment on the meters of the rows that are chosen, for who may write.

    Args:
        say: Who reads it.
        chosen: Rows with ``meter_id``; at least one.
        report: Of which report.
        key: Unique on the page.
    """
    if not viewer().may(RIGHT):
        return
    meters = chosen["meter_id"].unique(maintain_order=True).to_list()
    with st.form(f"{key}_comment"):
        st.text_area(
            say("comment.text", meters=say.number(len(meters))), max_chars=comments.LONGEST, key=f"{key}_comment_text"
        )
        st.form_submit_button(
            say("comment.write"), icon=":material/add_comment:", on_click=_write, args=(meters, report, key)
        )


def _write(meters: list[str], report: str, key: str) -> None:
    """Writes what was typed, on the meters that were chosen then."""
    text = str(st.session_state[f"{key}_comment_text"])

    def write(doing: asking.Doing) -> int:
        for meter in meters:
            comments.comment(
                doing.session,
                doing.organisation,
                meter,
                text,
                identity=doing.identity,
                now=doing.now,
                report=report,
            )
        return len(meters)

    def said(count: int) -> str:
        return words()("comment.done", meters=words().number(count))

    if asking.done(RIGHT, write, said=said, publish=asking.publish_events):
        st.session_state[f"{key}_comment_text"] = ""
