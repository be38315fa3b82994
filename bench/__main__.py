"""`python -m bench`: measure our server beside others and write `docs/benchmarks.md`."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.markdown import Markdown

from bench.contestants import contestants
from bench.report import to_markdown
from bench.run import measure, write
from bench.scenarios import QUICK, Plan
from bench.servers import CannotRun


def main(
    quick: Annotated[bool, typer.Option(help="Shorter runs; the page is left as it is.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Measure these servers alone.")] = None,
) -> None:
    """Measure room servers side by side. A whole run takes a few minutes."""
    console = Console()
    known = {contestant.name: contestant for contestant in contestants()}
    if unknown := set(only or ()) - set(known):
        raise typer.BadParameter(f"no such server: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in only or known]
    try:
        run = uvloop.run(measure(chosen, QUICK if quick else Plan(), "python -m bench", console))
    except CannotRun as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None
    console.print(Markdown(to_markdown(run)))
    if not quick and only is None:
        write(run)


if __name__ == "__main__":
    typer.run(main)
