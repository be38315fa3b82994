"""The only waiting there is in the tests: poll a check until it holds."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(check: Callable[[], object | Awaitable[object]], *, within: float = 60.0) -> None:
    """Call `check` until it neither raises AssertionError nor returns False; report its last failure."""
    deadline = time.monotonic() + within
    while True:
        try:
            result = check()
            if inspect.isawaitable(result):
                result = await result
            if result is not False:
                return
            failure: AssertionError = AssertionError(f"{check!r} stayed false for {within} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        await asyncio.sleep(0.01)
