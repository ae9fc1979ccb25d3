"""Pages of the area analysis: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.analysis import consumption, heat_faults, heat_reports, water_loss

PAGES: tuple[Page, ...] = (
    Page(
        "consumption",
        "bar_chart",
        consumption.page,
        feature="consumption_page",
        sample={"interval": "daily"},
    ),
    Page("heat_reports", "mode_heat", heat_reports.page),
    Page("heat_faults", "build", heat_faults.page),
    Page("water_loss", "water_drop", water_loss.page),
)
