"""Lines of an explanation, and the streams of bytes that they account for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Words = tuple[str, str]
"""Meaning and value."""
Note = tuple[str, str, str]
"""Field, meaning and value."""


@dataclass(frozen=True, slots=True)
class Line:
    """Some neighbouring bytes in words.

    Attributes:
        layer: Layer or data record that they belong to.
        start: Position of the first byte in its stream.
        stop: Position behind the last; equal to ``start`` where the line adds to the one before and has no bytes.
        raw: The bytes.
        field: What they are called.
        meaning: What the field says, in words.
        value: What it is worth.
        damaged: Whether something is wrong here.
        depth: 0 in the frame as it came, 1 in what decryption made of a part of it, 2 in what was encrypted therein.
    """

    layer: str
    start: int
    stop: int
    raw: bytes
    field: str
    meaning: str = ""
    value: str = ""
    damaged: bool = False
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of fixed size in a header.

    Attributes:
        name: What it is called.
        size: Its bytes.
        words: Meaning and value of its bytes.
        notes: What its bits say one by one.
    """

    name: str
    size: int
    words: Callable[[bytes], Words]
    notes: Callable[[bytes], Sequence[Note]] = lambda _: ()


class Stream:
    """Bytes of which each is told once.

    A stream's content is what layers above the link read: its bytes without those that only the link needs. Fields are
    told by positions of the content and fall into several lines where a checksum stands between their bytes.
    """

    def __init__(self, raw: bytes, depth: int = 0, places: Sequence[int] | None = None) -> None:
        """Takes the bytes.

        Args:
            raw: All of them.
            depth: How many decryptions they come from.
            places: Positions of the content's bytes; by default, all.
        """
        self.raw, self.depth = raw, depth
        self.places = range(len(raw)) if places is None else places
        self.content = bytes(raw[place] for place in self.places)
        self._told: list[Line] = []

    def tell(
        self, layer: str, start: int, stop: int, field: str, words: Words = ("", ""), *, damaged: bool = False
    ) -> None:
        """Tells a field of the content."""
        for number, (first, last) in enumerate(self._runs(start, stop)):
            said = words if number == 0 else ("continued", "")
            self.tell_raw(layer, first, last, field, said, damaged=damaged)

    def tell_raw(
        self, layer: str, start: int, stop: int, field: str, words: Words = ("", ""), *, damaged: bool = False
    ) -> None:
        """Tells bytes by their positions in the stream; with ``start`` equal to ``stop``, adds to the line before."""
        meaning, value = map(printable, words)
        self._told.append(Line(layer, start, stop, self.raw[start:stop], field, meaning, value, damaged, self.depth))

    def note(self, layer: str, position: int, field: str, words: Words, *, damaged: bool = False) -> None:
        """Adds to the line of a position of the content; a position behind it adds at the end."""
        place = self.places[position] if position < len(self.places) else len(self.raw)
        self.tell_raw(layer, place, place, field, words, damaged=damaged)

    def tell_fields(self, layer: str, position: int, fields: Sequence[Field]) -> int:
        """Tells header fields one after the other.

        Args:
            layer: Their layer.
            position: Of the first, in the content.
            fields: In order.

        Returns:
            The position behind the last field that is there as a whole.
        """
        for field in fields:
            data = self.content[position : position + field.size]
            if len(data) < field.size:
                break
            self.tell(layer, position, position + field.size, field.name, field.words(data))
            for name, meaning, value in field.notes(data):
                self.note(layer, position, name, (meaning, value))
            position += field.size
        return position

    def tell_rest(self, layer: str, position: int, field: str, words: Words, *, damaged: bool = False) -> None:
        """Tells all content from a position on; where none is left, the words stand alone."""
        if position < len(self.content):
            self.tell(layer, position, len(self.content), field, words, damaged=damaged)
        elif damaged:
            self.note(layer, position, field, words, damaged=True)

    def lines(self) -> Iterator[Line]:
        """All lines in order; bytes that nobody told stand outside the frame."""
        position = 0
        for line in sorted(self._told, key=lambda line: line.start):
            if line.start > position:
                yield self._untold(position, line.start)
            yield line
            position = max(position, line.stop)
        if position < len(self.raw):
            yield self._untold(position, len(self.raw))

    def _untold(self, start: int, stop: int) -> Line:
        return Line("remainder", start, stop, self.raw[start:stop], "not read", "outside the frame", depth=self.depth)

    def _runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Neighbouring bytes of the stream that hold the content's bytes."""
        first = None
        for position in range(start, stop):
            place = self.places[position]
            first = place if first is None else first
            if position + 1 == stop or self.places[position + 1] != place + 1:
                yield first, place + 1
                first = None


def printable(text: str) -> str:
    """Text without characters that would steer a terminal; meters send any byte as text."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
