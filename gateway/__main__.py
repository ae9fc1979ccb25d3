"""``python -m gateway``: the door alone, for the installation that ``METERHOUSE_HOME`` names; ``serve`` starts it."""

import argparse

import settings
from assets.installation import open_installation
from gateway.app import DagsterAddresses
from gateway.server import run


def main() -> None:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="Serves an installation's pages.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8501, help="port")
    parser.add_argument("--dagster", metavar="URL", help="address of the Dagster webserver")
    parser.add_argument("--dagster-read-only", metavar="URL", help="address of the read-only Dagster webserver")
    given = parser.parse_args()
    run(
        open_installation(settings.locate()),
        given.host,
        given.port,
        DagsterAddresses(given.dagster, given.dagster_read_only),
    )


if __name__ == "__main__":
    main()
