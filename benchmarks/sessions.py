"""Many people at once on a large installation: what each waits for the server, and what a session holds of its memory.

    .venv/bin/python -m benchmarks.sessions --home DIR [--sessions 20]

``DIR`` as for :mod:`benchmarks.pages`. Each session is a client of Streamlit's protocol, signed in by itself, so that
the server is measured and not twenty browsers. One session opens each page first, as a working day has begun;
then all open a page at once, one another one each, and again until each has opened as many as there are rounds.
Seconds run from the request to the message that the script has ended. Memory is what the server's process holds
more, with all sessions open, than before.
"""

import argparse
import statistics
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from dashboards.page import Page
from dashboards.pages import every_page
from tests.integration.gateways import PATIENCE_S, gateway
from tests.unit.gateway.doors import Browser, add_person

ROUNDS = 3
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page took.

    Attributes:
        page: Name of the page.
        seconds: From the request to the end of the script.
        size: Bytes that came.
        fault: Whether the page showed an error.
    """

    page: str
    seconds: float
    size: int
    fault: bool


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=20)
    options = parser.parse_args()
    pages = list(every_page())
    with gateway(options.home) as served, ExitStack() as open_ones:
        analyst = f"analyst-{uuid.uuid4().hex}@example.org"
        add_person(served.registry, analyst, manager="administrator")

        def opened() -> ClientConnection:
            return open_ones.enter_context(session(served.address, analyst))

        with session(served.address, analyst) as alone:
            told("one session", [visit(alone, page) for page in pages])
        before = memory(served.process)
        clients = [opened() for _ in range(options.sessions)]

        def visits(number: int) -> list[Visit]:
            mine = (pages[(number + step * options.sessions) % len(pages)] for step in range(ROUNDS))
            return [visit(clients[number], page) for page in mine]

        with ThreadPoolExecutor(options.sessions) as workers:
            found = [one for several in workers.map(visits, range(options.sessions)) for one in several]
        told(f"{options.sessions} sessions at once", found)
        held = (memory(served.process) - before) / options.sessions
        print(f"memory: {before:,.0f} MiB before, {held:,.1f} MiB more per session")


@contextmanager
def session(address: str, email: str) -> Iterator[ClientConnection]:
    """A session of Streamlit's, of somebody who signs in for it."""
    who = Browser(address).sign_in(email)
    with connect(
        address.replace("http", "ws") + "/_stcore/stream",
        origin=Origin(address),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=who.cookie_header,
        max_size=None,
        proxy=None,
    ) as client:
        yield client


def visit(client: ClientConnection, page: Page) -> Visit:
    """Opens a page in a session."""
    asked = BackMsg()
    asked.rerun_script.query_string = urlencode(page.sample, doseq=True)
    asked.rerun_script.page_name = page.name
    started, size, is_fault = time.perf_counter(), 0, False
    client.send(asked.SerializeToString())
    while True:
        data = client.recv(PATIENCE_S, decode=False)
        message = ForwardMsg.FromString(data)
        size += len(data)
        is_fault |= is_error(message)
        has_ended = message.WhichOneof("type") == "script_finished"
        if has_ended and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return Visit(page.name, time.perf_counter() - started, size, is_fault)


def is_error(message: ForwardMsg) -> bool:
    """Whether a message shows an error, or says that there is no such page."""
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    return (
        message.HasField("page_not_found")
        or kind == "exception"
        or (kind == "alert" and element.alert.format == Alert.ERROR)
    )


def told(who: str, visits: list[Visit]) -> None:
    """Prints what some visits took."""
    seconds = sorted(one.seconds for one in visits)
    worst = max(visits, key=lambda one: one.seconds)
    failed = sorted({one.page for one in visits if one.fault})
    print(
        f"{who}: {len(visits)} pages, median {statistics.median(seconds):.2f} s, worst {worst.seconds:.2f} s "
        f"({worst.page}); {statistics.median(one.size for one in visits) / KIB_PER_MIB:,.0f} KiB a page; "
        f"{len(failed)} with an error{': ' + ', '.join(failed) if failed else ''}",
        flush=True,
    )


def memory(process: int) -> float:
    """Resident memory of a process [MiB]."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / KIB_PER_MIB


if __name__ == "__main__":
    main()
