"""One question for many callers: whoever asks while an answer is on its way shares the next question.

Made for the moment after a restart, when thousands of clients come back at once and each one's key
must be looked at. Nothing is kept: an answer is always one that was asked for after the caller came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Question(Generic[Item, Answer]):
    """Items to ask about, and once asked, the answer or why there is none."""

    def __init__(self) -> None:
        self.items: set[Item] = set()
        self.answer: Answer | None = None
        self.error: Exception | None = None


class Together(Generic[Item, Answer]):
    """Invariants: 1. One question is under way at a time. 2. It was put after every one of its
    callers came. 3. All of its callers get the same answer, or the same error."""

    def __init__(self, put: Callable[[frozenset[Item]], Awaitable[Answer]]) -> None:
        """`put` asks about all the items at once."""
        self._put = put
        self._one_at_a_time = asyncio.Lock()
        self._next: _Question[Item, Answer] = _Question()

    async def ask(self, item: Item) -> Answer:
        """The answer to a question that this item is part of. Raises: what `put` raises."""
        question = self._next
        question.items.add(item)
        async with self._one_at_a_time:
            if question.answer is None and question.error is None:
                # Its callers wait for the lock. The first puts the question; were it cancelled over
                # that, the next one would.
                if self._next is question:
                    self._next = _Question()
                try:
                    question.answer = await self._put(frozenset(question.items))
                except Exception as error:  # raised below, for each of the callers
                    question.error = error
        if question.error is not None:
            raise question.error
        assert question.answer is not None
        return question.answer
