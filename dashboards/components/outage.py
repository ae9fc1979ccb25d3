"""Says that nothing arrives any more, which pages that go by the newest reception cannot know."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards.installation import installation
from dashboards.viewer import organisation, policy
from dashboards.words import Words
from registry.outages import outage_since
from warehouse.policies import CoveragePolicy


def outage(say: Words) -> bool:
    """Draws since when nothing has arrived, where more should have; see :func:`registry.outages.outage_since`.

    Returns:
        Whether there is an outage.
    """
    gap = timedelta(hours=policy(CoveragePolicy).gap_h)
    with installation().registry.begin(readonly=True) as session:
        since = outage_since(session, organisation(), gap, datetime.now(UTC))
    if since is not None:
        st.error(say("home.outage", at=say.instant(since)), icon=":material/cloud_off:")
    return since is not None
