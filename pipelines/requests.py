"""What a file sensor has asked for: which files it has seen, and which runs it still waits for.

A sensor moves on when it asks for a run. A run that fails (a server that is away, a full disk) must not lose its files:
the request stays open until a run with its key succeeds, and is made again with growing pauses. A run that says which
of its files are worth another attempt narrows the request to these; where none is, the request is closed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import dagster as dg

from assets.imports import AGAIN_TAG

LONGEST_PAUSE = timedelta(hours=1)
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_RUN_KEY = "dagster/run_key"


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a run.

    Attributes:
        key: Digest that names the request.
        paths: Files it is for.
        tries: Runs asked for so far.
        not_before: When it may be made again (ISO 8601, UTC).
    """

    key: str
    paths: tuple[str, ...]
    tries: int = 1
    not_before: str = ""

    @property
    def run_key(self) -> str:
        """Key of the latest run."""
        return f"{self.key}-{self.tries}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """State of a file sensor between two looks.

    Attributes:
        seen: Cursor of the connector.
        open: Requests without a successful run.
    """

    seen: str | None = None
    open: tuple[Request, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """Reads the text that the orchestrator keeps."""
        if not text:
            return cls()
        state = json.loads(text)
        requests = (Request(**{**item, "paths": tuple(item["paths"])}) for item in state["open"])
        return cls(state["seen"], tuple(requests))

    def text(self) -> str:
        """The text that the orchestrator keeps."""
        return json.dumps({"seen": self.seen, "open": [asdict(request) for request in self.open]})


def asked(paths: Sequence[str], source: str, seen: str) -> Request:
    """A new request for some files."""
    digest = hashlib.sha256("\n".join([seen, *paths]).encode()).hexdigest()
    return Request(f"{source}-{digest[:32]}", tuple(paths))


def review(
    instance: dg.DagsterInstance, requests: Sequence[Request], now: datetime
) -> tuple[list[Request], list[Request]]:
    """Looks at what became of the requested runs.

    Args:
        instance: The orchestrator.
        requests: Open requests.
        now: Instant of the look, UTC.

    Returns:
        Requests that stay open, and those among them to be made again now.
    """
    still: list[Request] = []
    again: list[Request] = []
    for asked_for in requests:
        request = asked_for
        runs = instance.get_runs(dg.RunsFilter(tags={_RUN_KEY: request.run_key}), limit=1)
        status = runs[0].status if runs else None
        if status is dg.DagsterRunStatus.SUCCESS:
            continue
        if status in _FAILED and not request.not_before:
            if (named := runs[0].tags.get(AGAIN_TAG)) is not None:
                request = replace(request, paths=tuple(request.paths[number] for number in json.loads(named)))
            if not request.paths:
                continue
            pause = min(timedelta(minutes=2 ** min(request.tries, 10)), LONGEST_PAUSE)
            still.append(replace(request, not_before=(now + pause).isoformat()))
        elif status in _FAILED and now.isoformat() >= request.not_before:
            repeated = replace(request, tries=request.tries + 1, not_before="")
            still.append(repeated)
            again.append(repeated)
        else:
            still.append(request)
    return still, again
