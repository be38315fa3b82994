"""Progress of work on bytes, on a terminal only."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from webhost_sync.cli.output import err


class BytesBar:
    """One line that says what is done, how far it is, how fast, and when it will end."""

    def __init__(self, what: str) -> None:
        console = err()
        self._what = what
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> BytesBar:
        self._progress.start()
        self._task = self._progress.add_task(self._what, total=None)
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, done: int, total: int, part: str) -> None:
        assert self._task is not None
        description = f"{self._what}: {part}" if part else self._what
        if total:
            self._progress.update(self._task, completed=done, total=total, description=description)
        else:
            self._progress.update(self._task, description=description)
