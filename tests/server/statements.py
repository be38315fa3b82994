"""What the database is asked for one request: the work by which "not yours" could differ from "not there"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from asyncpg.connection import LoggedQuery
from sqlalchemy import Engine, Pool, event

OF_THE_DRIVER = ("current_setting('jit')", "set_config('jit'", "pg_catalog.pg_type")
"""What the driver asks once in a connection, when it first meets a type, whoever that serves."""


@contextmanager
def asked_by_request() -> Iterator[Mapping[str, list[str]]]:
    """The statements of each request by its id, in their order. Begin before the application starts.

    The driver tells of those that the store sends through it, SQLAlchemy of its own; whoever waits for the
    answer has the id of the request in its context.
    """
    asked: dict[str, list[str]] = defaultdict(list)

    def note(statement: str) -> None:
        request = structlog.contextvars.get_contextvars().get("request_id")
        if request is not None:
            asked[request].append(statement)

    def note_query(query: LoggedQuery) -> None:
        if any(part in query.query for part in OF_THE_DRIVER):
            return
        # How a transaction is begun depends on what its connection did before, for whomever.
        note("BEGIN;" if query.query.startswith("BEGIN") else query.query)

    def note_statement(connection: Any, cursor: Any, statement: str, *arguments: Any) -> None:
        note(statement)

    def watch(connection: Any, record: Any) -> None:
        connection.driver_connection.add_query_logger(note_query)

    event.listen(Pool, "connect", watch)
    event.listen(Engine, "before_cursor_execute", note_statement)
    try:
        yield asked
    finally:
        event.remove(Pool, "connect", watch)
        event.remove(Engine, "before_cursor_execute", note_statement)
