"""Pages of the area analysis: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.analysis import comparison, consumption, explain, heat_faults, heat_reports, report, water_loss

PAGES: tuple[Page, ...] = (
    Page(
        "consumption",
        "bar_chart",
        consumption.page,
        feature="consumption_page",
        sample={"point": "P-1", "interval": "daily"},
    ),
    Page(
        "data_comparison",
        "stacked_line_chart",
        comparison.page,
        feature="consumption_page",
        sample={"point": ("P-1", "P-2"), "quantity": "volume_m3", "step": "daily"},
    ),
    Page(
        "consumption_report",
        "summarize",
        report.page,
        feature="consumption_page",
        sample={"period": "days", "days": ("2025-10-01", "2025-10-31")},
    ),
    Page("heat_reports", "mode_heat", heat_reports.page),
    Page("heat_faults", "build", heat_faults.page),
    Page("water_loss", "water_drop", water_loss.page),
    Page(
        "explain",
        "account_tree",
        explain.page,
        feature="consumption_page",
        sample={"point": "P-2", "day": "2025-11-03"},
    ),
)
