"""Pages of the area meters: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.views.meters import meters, places

PAGES: tuple[Page, ...] = (
    Page("meters", "speed", meters.page),
    Page("map", "map", places.page),
)
