"""The address under which people reach the door."""

from settings.model import Gateway


def address(wanted: Gateway, host: str, port: int) -> str:
    """What to open in a browser.

    Args:
        wanted: Settings of the door.
        host: Address it listens on.
        port: Port it listens on.

    Returns:
        The public address where one is set, else one that a browser on this machine can open; without final slash.
    """
    if wanted.public_url:
        return wanted.public_url
    scheme = "https" if wanted.tls_certificate_file else "http"
    if host in ("0.0.0.0", "::"):  # noqa: S104  compared, not listened on
        host = "localhost"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
