"""Pages of the area meters: a module per page, each with a function ``page``."""

from dashboards.page import Page

PAGES: tuple[Page, ...] = ()
