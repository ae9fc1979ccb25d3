"""Messages: to standard error, never to standard output, which belongs to results."""

from rich.console import Console

from connectors.errors import ConnectorError
from decoders.framefiles import FrameFileError
from exports.errors import ExportError
from registry.errors import RegistryError
from settings import InstallationError
from warehouse.errors import WarehouseError

EXPECTED = (ConnectorError, ExportError, FrameFileError, RegistryError, InstallationError, WarehouseError)
"""Errors whose text tells the user what is wrong and what to do."""

messages = Console(stderr=True, highlight=False)


def complain(text: str) -> None:
    """Prints a failure."""
    messages.print(f"meterhouse: {text}", style="red", markup=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a message."""
    messages.print(text, markup=False, soft_wrap=True)
