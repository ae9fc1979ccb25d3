"""``serve``: the pages and the orchestrator's UI, until interrupted."""

import os
import signal
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assets.installation import Installation
from cli.home import HomeOption, open_home
from cli.messages import complain, say

ROOT = Path(__file__).resolve().parent.parent


class Service(StrEnum):
    """What can be served."""

    dagster = "dagster"
    dashboards = "dashboards"
    api = "api"
    all = "all"


def serve(
    service: Annotated[Service, typer.Argument(help="What to serve.")] = Service.all,
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    dagster_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    dashboards_port: Annotated[int, typer.Option(help="Port of the pages.")] = 8501,
) -> None:
    """Serves until interrupted."""
    if service is Service.api:
        complain("The API is not part of this version; use 'meterhouse sql' or the pages.")
        raise typer.Exit(2)
    house = open_home(home)
    commands: list[list[str]] = []
    if service in (Service.dagster, Service.all):
        commands += dagster_commands(house, host, dagster_port)
        say(f"Dagster UI: http://{host}:{dagster_port}")
    if service in (Service.dashboards, Service.all):
        commands.append(dashboards_command(host, dashboards_port))
        say(f"Pages: http://{host}:{dashboards_port}")
    raise typer.Exit(run_until_stopped(commands))


def dagster_commands(house: Installation, host: str, port: int) -> list[list[str]]:
    """The webserver and the daemon that runs sensors and schedules."""
    workspace = str(ROOT / "workspace.yaml")
    _ = house
    return [
        [_script("dagster-webserver"), "-h", host, "-p", str(port), "-w", workspace],
        [_script("dagster-daemon"), "run", "-w", workspace],
    ]


def dashboards_command(host: str, port: int) -> list[str]:
    """The pages."""
    options = ["--server.address", host, "--server.port", str(port), "--server.headless", "true"]
    return [_script("streamlit"), "run", str(ROOT / "dashboards" / "app.py"), *options]


def run_until_stopped(commands: list[list[str]]) -> int:
    """Runs commands side by side until one ends or the user interrupts; then ends the others.

    Returns:
        Zero after an interruption, else the exit status of the first that ended.
    """
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ, start_new_session=True)  # noqa: S603  our own scripts
        for command in commands
    ]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    status = 0
    try:
        while all(process.poll() is None for process in processes):
            signal.sigtimedwait([signal.SIGCHLD], 1)
        status = next(code for process in processes if (code := process.poll()) is not None)
    except KeyboardInterrupt:
        say("Stopping …")
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(30)
    return status


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)
