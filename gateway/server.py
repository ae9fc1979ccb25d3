"""The door's process: one port, served by uvicorn."""

import logging
import secrets
import sys
from datetime import UTC, datetime
from urllib.parse import quote

import uvicorn

from assets.installation import Installation
from dashboards.ahead import reading_ahead
from gateway.access_log import log_to
from gateway.address import address
from gateway.app import DagsterAddresses, build
from gateway.door import Door
from settings.login import login_name

WEBSOCKET_LIMIT = 64 * 2**20


def run(house: Installation, host: str, port: int, dagster: DagsterAddresses) -> None:
    """Serves until interrupted.

    Args:
        house: The installation; ``METERHOUSE_HOME`` names it, too, for the pages.
        host: Address to listen on.
        port: Port.
        dagster: Where the Dagster webservers listen.
    """
    log_to(house.settings.home / "logs")
    wanted = house.settings.gateway
    setup_token = secrets.token_urlsafe(32)
    door = Door(house, lambda: datetime.now(UTC), f"local:{login_name()}", setup_token)
    if door.is_new():
        sys.stderr.write(
            "Nobody can sign in yet. Open this link to name the first administrator; it works once, until this "
            f"command ends:\n  {address(wanted, host, port)}/setup?token={quote(setup_token)}\n"
        )
    config = uvicorn.Config(
        build(door, dagster),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(wanted.trusted_proxies),
        forwarded_allow_ips=wanted.trusted_proxies or None,
        ssl_certfile=wanted.tls_certificate_file,
        ssl_keyfile=wanted.tls_key_file,
        ws_max_size=WEBSOCKET_LIMIT,
        timeout_graceful_shutdown=5,
    )
    logging.getLogger("uvicorn.access").disabled = True  # Streamlit turns it on again, and it shows queries with tokens
    with reading_ahead(house):
        uvicorn.Server(config).run()
