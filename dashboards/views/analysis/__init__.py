"""Pages of the area analysis: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.analysis import consumption

PAGES: tuple[Page, ...] = (
    Page(
        "consumption",
        "bar_chart",
        consumption.page,
        feature="consumption_page",
        sample={"interval": "daily"},
    ),
)
