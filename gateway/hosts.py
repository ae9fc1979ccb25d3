"""Names under which the door answers.

A request names the host it means. One with a foreign name did not come by an address of ours: somebody else's name
leads to this machine (DNS rebinding), or links are to be made that lead elsewhere.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from settings.model import Gateway


class Hosts:
    """What may stand in the header ``Host``.

    With a public address its host, and those of this machine itself; without one any address in digits, too, and this
    machine's own name.

    Args:
        wanted: Settings of the door.
    """

    def __init__(self, wanted: Gateway) -> None:
        self._public = urlsplit(wanted.public_url).netloc.lower()
        self._names = {"localhost"} | (set() if self._public else {socket.gethostname().lower()})

    def admits(self, scope: Scope) -> bool:
        """Whether a request names a host of ours, once."""
        given = Headers(scope=scope).getlist("host")
        if len(given) != 1:
            return False
        netloc = given[0].lower()
        if self._public and netloc == self._public:
            return True
        try:
            name = urlsplit(f"//{netloc}").hostname or ""
            is_plain = not set(netloc) & set("/?#@\\ ")
        except ValueError:
            return False
        return is_plain and (name in self._names or self._is_address(name))

    def _is_address(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._public
