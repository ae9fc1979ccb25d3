"""Pages of the area operation: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.operation import (
    alerts,
    check,
    exceptions,
    exchanges,
    info_codes,
    infrastructure,
    notifications,
    performance,
    performance_report,
    pressure,
    wired,
)

PAGES: tuple[Page, ...] = (
    Page("info_codes", "report", info_codes.page),
    Page("performance", "network_check", performance.page),
    Page("performance_report", "assignment_late", performance_report.page),
    Page("exceptions", "rule", exceptions.page),
    Page("alerts", "notifications_active", alerts.page),
    Page("notifications", "send", notifications.page, rights=(notifications.RIGHT,)),
    Page("exchanges", "swap_horiz", exchanges.page),
    Page("infrastructure", "cell_tower", infrastructure.page),
    Page("wired", "cable", wired.page),
    Page("check", "sensors", check.page, sample={"serial": "10000002"}),
    Page("pressure", "speed", pressure.page, sample={"view": "two"}),
)
