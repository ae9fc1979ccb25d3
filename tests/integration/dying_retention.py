"""A run of retention that is killed after a write to a table: ``python -m ... HOME TABLE INSTANT``."""

import sys
from datetime import datetime
from pathlib import Path

from assets.installation import open_installation
from assets.steps.retention import run
from tests.integration.dying_run import die_after
from tests.integration.installations import enter

if __name__ == "__main__":
    home, table, now = sys.argv[1:]
    enter(Path(home))
    die_after({table})
    run(open_installation(Path(home)), identity="test", now=datetime.fromisoformat(now))
