"""``serve``: the door with the pages and the orchestrator's UI behind it, until interrupted."""

import os
import signal
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.home import HomeOption, open_home
from cli.messages import say
from gateway.address import address

ROOT = Path(__file__).resolve().parent.parent
WORKSPACE = str(ROOT / "workspace.yaml")
LOOPBACK = "127.0.0.1"
DOOR_PORT = 8501


class Service(StrEnum):
    """What can be served."""

    dagster = "dagster"
    dashboards = "dashboards"
    api = "api"
    all = "all"


def serve(
    service: Annotated[Service, typer.Argument(help="What to serve.")] = Service.all,
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; all comes in by this one door.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="Port of the door: sign-in, pages and Dagster UI.")] = DOOR_PORT,
    dagster_port: Annotated[
        int,
        typer.Option(
            help="Port of the Dagster webserver, on this machine alone; the next one is its read-only twin's."
        ),
    ] = 3000,
) -> None:
    """Serves until interrupted: sign-in, the pages, the API, and behind the same sign-in the Dagster UI."""
    house = open_home(home)
    commands: list[list[str]] = []
    if service is Service.dagster:
        commands += [dagster_webserver(dagster_port), dagster_daemon()]
        say(f"Dagster UI, for this machine alone: http://{LOOPBACK}:{dagster_port}/")
    else:
        if service is Service.all:
            commands += dagster_behind_door(dagster_port)
        commands.append(gateway_command(host, port, dagster_port if service is Service.all else None))
        say(f"Sign in at: {address(house.settings.gateway, host, port)}")
    raise typer.Exit(run_until_stopped(commands))


def dagster_webserver(port: int, *options: str) -> list[str]:
    """A webserver of the orchestrator.

    It asks nobody who they are, so it listens on the loopback address, whatever the door listens on.
    """
    return [_script("dagster-webserver"), "-h", LOOPBACK, "-p", str(port), "-w", WORKSPACE, *options]


def dagster_behind_door(port: int) -> list[list[str]]:
    """The webserver and its read-only twin under the door's path ``/dagster``, and the daemon."""
    prefix = ("--path-prefix", "/dagster")
    return [
        dagster_webserver(port, *prefix),
        dagster_webserver(port + 1, *prefix, "--read-only"),
        dagster_daemon(),
    ]


def dagster_daemon() -> list[str]:
    """What runs sensors and schedules."""
    return [_script("dagster-daemon"), "run", "-w", WORKSPACE]


def gateway_command(host: str, port: int, dagster_port: int | None) -> list[str]:
    """The door."""
    command = [sys.executable, "-m", "gateway", "--host", host, "--port", str(port)]
    if dagster_port is not None:
        command += ["--dagster", f"http://{LOOPBACK}:{dagster_port}"]
        command += ["--dagster-read-only", f"http://{LOOPBACK}:{dagster_port + 1}"]
    return command


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
