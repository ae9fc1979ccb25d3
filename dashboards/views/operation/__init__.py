"""Pages of the area operation: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.operation import check, pressure

PAGES: tuple[Page, ...] = (
    Page("check", "sensors", check.page, sample={"serial": "10000002"}),
    Page("pressure", "speed", pressure.page, sample={"view": "two"}),
)
