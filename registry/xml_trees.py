"""XML of unknown origin, parsed in bounded memory and without document types: no entities to expand, none to fetch."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.parsers import expat

from registry.errors import RegistryError

MAX_TAGS = 6_000_000
"""Most tags of a document, each of up to 150 bytes; 100,000 meters have about four million. An attribute counts
as four."""


def parse_xml(content: bytes, name: str) -> ET.Element:
    """Parses a document.

    Args:
        content: The document.
        name: Name of the file, for messages.

    Returns:
        Its root; the names of elements keep their prefixes, see :func:`local_name`.

    Raises:
        RegistryError: It has a document type, or too many tags and attributes.
        ValueError: It is no well-formed XML.
    """
    if content.count(b"<") + 4 * content.count(b"=") > MAX_TAGS:
        raise RegistryError(f"{name} has more than {MAX_TAGS:,} tags, the most that is accepted. Split the order.")

    def doctype(*_: object) -> None:
        """Called before any declaration in it is read."""
        raise RegistryError(f"{name} declares an XML document type, which no such file has. It is not read.")

    builder = ET.TreeBuilder()
    # Without namespaces, since their addresses would be written out in each name: a small file could fill any memory.
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as exc:  # an encoding that is unknown is the latter
        raise ValueError("no well-formed XML") from exc
    root: ET.Element = builder.close()
    return root


def local_name(element: ET.Element) -> str:
    """An element's name without its prefix."""
    return element.tag.rpartition(":")[2]


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
