"""Pages of the area configuration: a module per page, each with a function ``page``."""

from dashboards.page import Page

PAGES: tuple[Page, ...] = ()
