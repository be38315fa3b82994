"""Progress bars on a terminal, one below the other, each for a part of a command's work."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from webhost_sync.cli.output import err


class Bars:
    """Entered with `with`; silent where nobody watches."""

    def __init__(self) -> None:
        console = err()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def next(self, name: str) -> None:
        """Begin the next part."""
        self._task = self._progress.add_task(name, total=None)

    def show(self, done: int, total: int) -> None:
        """How much of this part is done."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)
