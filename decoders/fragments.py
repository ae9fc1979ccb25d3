"""Messages that came in several frames: fragments of the authentication and fragmentation layer (EN 13757-7, clause 6).

The first fragment has number 1, all but the last say that more follow. Counter, length and authentication code stand in
any of them and belong to the whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from decoders.link import CI_AT, Frame, LinkDamage, read_link
from decoders.transport import AFL, ELL_SIZES, Afl, TransportDamage, link_address, read_afl, read_ell


@dataclass(frozen=True, slots=True)
class Fragment:
    """A frame with a part of a message.

    Attributes:
        sender: Link address.
        number: Its number, from 1.
        is_last: Whether no other follows.
        link: Link format of its frame.
        head: Frame content before the layer.
        afl: The layer.
        part: Its part of the message.
    """

    sender: bytes
    number: int
    is_last: bool
    link: Frame
    head: bytes
    afl: Afl
    part: bytes


@dataclass(slots=True)
class Message:
    """Fragments of one message.

    Attributes:
        places: Positions of the frames that carry it, copies included, in order.
        fragments: Its fragments by number.
    """

    places: list[int] = field(default_factory=list)
    fragments: dict[int, Fragment] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether every fragment from the first to the last is there."""
        numbers = sorted(self.fragments)
        return numbers == list(range(1, len(numbers) + 1)) and self.fragments[numbers[-1]].is_last

    @property
    def gap(self) -> str:
        """What is missing, e.g. ``1, 3 to 5, what follows 6``; empty where nothing is."""
        known = sorted(self.fragments)
        steps = zip([0, *known], known, strict=False)
        absent = [(before + 1, after - 1) for before, after in steps if after - before > 1]
        words = [f"{first} to {last}" if last > first else str(first) for first, last in absent]
        if not self.fragments[known[-1]].is_last:
            words.append(f"what follows {known[-1]}")
        return ", ".join(words)

    def takes(self, fragment: Fragment) -> bool:
        """Whether a fragment may belong to it: it is missing, or a copy."""
        known = self.fragments.get(fragment.number)
        return known is None or (known.part, known.is_last) == (fragment.part, fragment.is_last)

    def joined(self) -> tuple[Frame, Afl, int]:
        """The message as if it had come in one frame.

        Returns:
            A frame whose content is the header of the first fragment and all parts, the layer of the whole, and where
            the message begins.
        """
        parts = [self.fragments[number] for number in sorted(self.fragments)]
        first, layers = parts[0], [part.afl for part in parts]
        whole = replace(
            first.afl,
            control=0,
            mac_control=next((afl.mac_control for afl in layers if afl.mac_control is not None), None),
            counter=next((afl.counter for afl in layers if afl.counter), b""),
            length=next((afl.length for afl in layers if afl.length), b""),
            mac=next((afl.mac for afl in layers if afl.mac), b""),
        )
        content = first.head + b"".join(part.part for part in parts)
        return replace(first.link, content=content), whole, len(first.head)


def fragment_of(frame: bytes, transport: str = "auto") -> Fragment | None:
    """Reads a frame as a fragment; ``None`` where it is none, or damaged."""
    try:
        link = read_link(frame, transport)
        content = link.content
        if link.damage or link.format.startswith("mbus") or len(content) <= CI_AT:
            return None
        position = CI_AT
        if content[position] in ELL_SIZES:
            ell = read_ell(content, position)
            if ell.session is not None:
                return None  # such a layer encrypts frame by frame and is never used with fragments
            position = ell.end
        if content[position : position + 1] != bytes([AFL]):
            return None
        afl = read_afl(content, position)
    except (LinkDamage, TransportDamage):
        return None
    if not afl.number:
        return None  # alone; or it says that more follow, but not which it is
    sender = link_address(content[2:10]).link_bytes
    return Fragment(sender, afl.number, not afl.more_follow, link, content[:position], afl, content[afl.end :])


def messages(fragments: Iterable[tuple[int, Fragment]]) -> list[Message]:
    """Joins fragments into messages.

    Args:
        fragments: Positions and fragments in order of their reception.

    Returns:
        The messages, whole or not. A fragment that contradicts one that is there begins the sender's next message.
    """
    found: list[Message] = []
    current: dict[bytes, Message] = {}
    for place, fragment in fragments:
        message = current.get(fragment.sender)
        if message is None or not message.takes(fragment):
            message = current[fragment.sender] = Message()
            found.append(message)
        message.places.append(place)
        message.fragments.setdefault(fragment.number, fragment)
    return found
