"""One document on one socket of `/collab`, from its first token to its end.

    token ──> authenticating ──> open ──> ended            a token of a refused document starts anew;
                     └──refused──> held ──┘                whatever else comes before one is dropped

The socket puts frames in and learns how it ended; what the client is told then is worded here. Knows no
other document.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from webhost_sync.auth.access import Access
from webhost_sync.auth.principals import Principal
from webhost_sync.errors import ClientFault, Internal, ProtocolError, SyncError, WrongEpoch
from webhost_sync.sync.backlog import Inbox
from webhost_sync.sync.collab_dialect import HocuspocusDialect
from webhost_sync.sync.effects import Member
from webhost_sync.sync.epochs import Claim, check_epoch, split_name
from webhost_sync.sync.extension import Extension, document_text, is_ours, read_version
from webhost_sync.sync.hocuspocus import Address, Known, Stateless, Token, decode, is_token
from webhost_sync.sync.live import LiveConnection
from webhost_sync.sync.open_document import Door, OpenDocument, SharedSocket, scope_of
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.runner import Runner
from webhost_sync.sync.transport import Frame

logger = structlog.get_logger(__name__)


class Attachment:
    """Invariants:
    1. What is put in before the document is open waits, and is taken in order when it is.
    2. What is put in after a refusal is dropped, up to another token.
    """

    def __init__(self, address: Address, socket: SharedSocket, door: Door) -> None:
        self.address = address
        self._socket = socket
        self._door = door
        self._inbox = Inbox(socket.backlog)
        self._dialect = HocuspocusDialect(address)
        self._outbox: Outbox | None = None
        self._is_refused = False

    @property
    def outbox(self) -> Outbox | None:
        """The way out, once it is open."""
        return self._outbox

    @property
    def needs_new_socket(self) -> bool:
        """Whether its client opens the document again only with another socket, as stock providers do."""
        return self._dialect.extension is None

    def put(self, body: bytes) -> None:
        """Take a frame's body."""
        if is_token(body):
            # At once, and not when the token is looked at: what follows it may come in the same moment.
            self._is_refused = False
        if not self._is_refused:
            self._inbox.put(body)

    async def serve(self) -> SyncError | None:
        """Serve until the end; returns why we end it, or None when the client did."""
        try:
            return await self._serve_tokens()
        except Exception:
            logger.exception("document failed", document=self.address.name)
            return Internal()

    def farewell(self, error: SyncError) -> Sequence[bytes]:
        """The frames that tell the client of this end, when only the document ends."""
        return self._dialect.farewell(error, was_open=self._outbox is not None)

    def turn_away(self, body: bytes, error: SyncError) -> Sequence[bytes]:
        """The frames that tell whoever sends this token that it is not even looked at."""
        with suppress(SyncError):
            token = decode(body)
            self._read_version(token.version if isinstance(token, Token) else None)
        return self.farewell(error)

    def left_over(self) -> tuple[bytes, ...]:
        """Take what came behind the end and begins with a token: the client opens the document again.

        One that can't be read is passed over. It may be what has ended the document.
        """
        self._inbox.skip_until(_is_readable_token)
        return self._inbox.take_all()

    async def _serve_tokens(self) -> SyncError | None:
        while True:
            token = await self._inbox.first()
            try:
                return await self._open(token)
            except ClientFault as error:
                if not await self._is_asked_again(token, error):
                    return error
            except SyncError as error:
                return error

    async def _is_asked_again(self, token: bytes, error: ClientFault) -> bool:
        """Hold the refusal back, longer each time it is the same; whether another token came meanwhile."""
        client = (self._door.client, _fingerprint(token, self.address))
        hold = 0.0 if isinstance(error, WrongEpoch) else self._door.refusals.note(client, time.monotonic())
        logger.info(
            "document refused",
            document=self.address.name,
            code=error.code,
            address=self._door.client,
            hold=hold,
        )
        self._is_refused = not self._inbox.skip_until(is_token)
        try:
            async with asyncio.timeout(hold):
                await self._inbox.first()
        except TimeoutError:
            return False
        return True

    async def _open(self, body: bytes) -> SyncError | None:
        """Let the client in and serve it. Raises: SyncError when it may not come in."""
        try:
            token = decode(body)
            if not isinstance(token, Token):
                raise ProtocolError("a document begins with a token")
            extension = self._read_version(token.version)
            name, claim = split_name(self.address.name)
            principal, access = await self._door.admit(token.token, name)
        finally:
            self._inbox.done()
        if extension is not None:
            claim = Claim(extension.epoch, is_fresh=extension.epoch is None)
        async with self._door.hub.enter(principal.tenant_id, name) as runner:
            check_epoch(runner.record, claim)
            return await self._serve(runner, principal, access)

    def _read_version(self, version: str | None) -> Extension | None:
        """Find out how to speak to the client. Raises: ClientFault."""
        ours = version if is_ours(version) else None
        # Set first: a client of ours hears of a fault in its version as it hears of any other.
        self._dialect = HocuspocusDialect(self.address, Extension() if ours else None)
        if ours is None:
            return None
        extension = read_version(ours)
        self._dialect = HocuspocusDialect(self.address, extension)
        return extension

    async def _serve(self, runner: Runner, principal: Principal, access: Access) -> SyncError | None:
        door, socket, dialect = self._door, self._socket, self._dialect
        member = Member(
            door.hub.next_connection_id(),
            owner=principal.subject,
            device=principal.device,
            can_write=access.write,
            can_show_presence=access.presence,
        )
        outbox = Outbox(socket.transport, door.settings.outbox_limit, dialect)
        live = LiveConnection(
            member.connection_id,
            principal,
            runner.record.name,
            datetime.now(UTC),
            outbox,
            socket.number,
            "hocuspocus" if dialect.extension is None else "webhost-sync",
        )
        with door.live.registered(live):
            self._outbox = outbox
            socket.backlog.admit()
            self._write(scope_of(access))
            if dialect.extension is not None:
                limit = door.settings.frame_limit
                text = document_text(runner.record.epoch, runner.seq, limit, writable=access.write)
                self._write(Stateless(text))
            opened = OpenDocument(
                self.address, member, live, outbox, dialect, runner, self._inbox, socket, door
            )  # fmt: skip
            return await opened.serve()

    def _write(self, message: Known) -> None:
        self._socket.transport.write(Frame(self._dialect.frame(message)))


def _is_readable_token(body: bytes) -> bool:
    try:
        return is_token(body) and isinstance(decode(body), Token)
    except ProtocolError:
        return False


def _fingerprint(token: bytes, address: Address) -> str:
    return hashlib.sha256(address.name.encode() + token).hexdigest()
