"""What a page is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dashboards.viewer import SEE
from registry.people.rights import Right


@dataclass(frozen=True, slots=True)
class Page:
    """A page as its area declares it.

    Attributes:
        name: Its place in the address bar, and its texts: ``page.<name>`` is the title, ``help.<name>`` the help.
        icon: Material symbol.
        draw: Draws it, below the title.
        rights: One of them is needed to see the page.
        feature: Feature of :mod:`settings.features` that it belongs to; empty for none.
        sample: Address of the picture in the documents, by parameter.
    """

    name: str
    icon: str
    draw: Callable[[], None]
    rights: tuple[Right, ...] = SEE
    feature: str = ""
    sample: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
