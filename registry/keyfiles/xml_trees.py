"""XML of unknown origin, parsed without document types: there are no entities to expand and none to fetch."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from registry.keyfiles.errors import KeyFileError


class _Builder(ET.TreeBuilder):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Called before any declaration in it is read."""
        raise KeyFileError(f"{self._name} declares an XML document type, which no key file has. It is not read.")


def parse_xml(content: bytes, name: str) -> ET.Element:
    """Parses a document.

    Args:
        content: The document.
        name: Name of the file, for messages.

    Returns:
        Its root.

    Raises:
        KeyFileError: It has a document type.
        xml.etree.ElementTree.ParseError: It is no well-formed XML; the message shows nothing of it.
    """
    parser = ET.XMLParser(target=_Builder(name))  # noqa: S314  entities need a document type, which is refused
    parser.feed(content)
    root: ET.Element = parser.close()
    return root


def local_name(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def outermost(root: ET.Element, name: str) -> Iterator[ET.Element]:
    """Elements of a name at any depth, in their order; those within another one are left out."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if local_name(element) == name:
            yield element
        else:
            waiting.extend(reversed(element))


def first(element: ET.Element, name: str) -> ET.Element | None:
    """The first element of a name at any depth below."""
    return next((found for found in element.iter() if local_name(found) == name), None)


def text_of(element: ET.Element, name: str) -> str | None:
    """Text of the first element of a name at any depth below; ``None`` where it is missing or empty."""
    found = first(element, name)
    return None if found is None else (found.text or "").strip() or None
