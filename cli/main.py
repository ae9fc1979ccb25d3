"""The console script."""


def main() -> None:
    """Placeholder until the commands stand."""
    raise SystemExit(2)
