"""A process that is killed while it delivers: ``python -m tests.integration.dying_export HOME STEP``.

STEP is one of :data:`STEPS`: the process dies when that function has done its work.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.installation import open_installation
from assets.steps import delivering
from registry.exports import runs
from tests.integration.exporting import NOW
from tests.integration.installations import enter

STEPS: dict[str, tuple[Any, str]] = {
    "claimed": (runs, "claim"),
    "file made": (delivering, "build"),
    "built": (delivering, "_built"),
    "uploaded": (delivering, "upload"),
    "settled": (delivering, "_worked"),
    "swept": (delivering, "sweep"),
    "published": (delivering, "publish_deliveries"),
}


def fatal(work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and the end."""

    def last(*args: Any, **options: Any) -> Any:
        work(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    return last


if __name__ == "__main__":
    home, step, *at = sys.argv[1:]
    enter(Path(home))
    place, name = STEPS[step]
    setattr(place, name, fatal(getattr(place, name)))
    delivering.work_off(open_installation(Path(home)), datetime.fromisoformat(at[0]) if at else NOW)
