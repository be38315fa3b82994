"""Threads of the history's own, few of them: comparing and replaying takes long, and anybody may ask for it.

Functions and their arguments come in, what they return goes out. Who asks while all are busy waits here,
and not in the threads that loading a room, checking a password and compacting share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

THREADS = 2
"""One works at a time anyway, since the work is Python's; the second lets a small question pass a large."""
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="history")


async def in_history_thread(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """As `asyncio.to_thread`. Work that was begun goes on when whoever asked is cancelled, and keeps its
    thread until then; work that wasn't is dropped."""
    call = partial(copy_context().run, function, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_threads, call)
