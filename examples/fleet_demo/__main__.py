"""Starts the demo: reads its options, finds the database, and cleans up at Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from examples.fleet_demo.demo import Choices, Demo, PostgresGone
from examples.fleet_demo.recording import read_recording
from examples.fleet_demo.replay import Pace
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.explanations import explain
from webhost_sync.cli.failures import FAILED
from webhost_sync.cli.output import note, out
from webhost_sync.cli.schema import migrate_database
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.server import CannotListen, listen


def main(
    speed: Annotated[
        float, typer.Option(min=1.0, help="How many times faster than real time; 2400 is a day in 36 s.")
    ] = 2400.0,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept. Delete it to begin anew.")] = Path(
        ".data/demo"
    ),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the server; 0 takes a free one.")
    ] = 8000,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Replay only so many of the 183 buses.", show_default=False)
    ] = None,
    exit_when_done: Annotated[
        bool, typer.Option(help="End after the replay; exit code 1 if the tables aren't right.")
    ] = False,
) -> None:
    """Replay a real day of 183 buses through real devices, a real server and a real database.

    Everything starts by itself; nothing needs to be installed or running. Stop it with Ctrl-C or kill it:
    the next start goes on where it was. SIGUSR1 lets the rest of the day pass as fast as it can.

    Examples:

        python -m examples.fleet_demo

        python -m examples.fleet_demo --limit 10 --speed 20000 --exit-when-done
    """
    choices = Choices(read_recording(limit), Pace(speed), exit_when_done)
    settings = load_settings(quiet=True, data_dir=data_dir.resolve(), port=port)
    with _listen(settings) as listening:
        right = _run(choices, settings, listening, out())
    sys.exit(0 if right else FAILED)


def _run(choices: Choices, settings: Settings, listening: socket.socket, console: Console) -> bool:
    """Run on one Postgres after the other: an embedded one that was killed is started again."""
    while True:
        with postgres_started(settings) as postgres:
            migrate_database(postgres)
            demo = Demo(choices, settings, postgres, listening, console)
            try:
                return asyncio.run(_until_stopped(demo))
            except* PostgresGone:
                console.print("The embedded Postgres is gone; starting it again")


async def _until_stopped(demo: Demo) -> bool:
    """Run the demo, to its end or to SIGINT or SIGTERM; being stopped is no failure."""
    running = asyncio.create_task(demo.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, demo.hurry)
    try:
        return await running
    except asyncio.CancelledError:
        note("Stopped. The next start goes on from here")
        return True


def _listen(settings: Settings) -> socket.socket:
    """Listen on the port that was asked for, or say that it is taken and take a free one."""
    try:
        return listen(settings)
    except CannotListen as error:
        note(f"Port {error.port} is taken; using a free one")
        return listen(settings.model_copy(update={"port": 0}))


if __name__ == "__main__":
    try:
        typer.run(main)
    except Exception as error:
        note(f"fleet demo: {explain(error)}", style="red")
        sys.exit(FAILED)
