"""What our own SDK says and hears beside the Hocuspocus protocol.

A client asks for it by the version in its token message; other clients never see any of it. In comes
that version, or what happened; out comes what the client asked for, or the text of a stateless message.

    version = "webhost-sync/1" ( ";epoch=" uuid )? ( ";send-only" )?

Knows no socket and no document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from webhost_sync.errors import ClientTooOld, InvalidRequest, SyncError

PRODUCT = "webhost-sync/"
VERSION = "1"


@dataclass(frozen=True, slots=True)
class Extension:
    """What a client of ours asked for.

    `epoch` is the history that its replica belongs to, None before its first contact. One that is
    `send_only` never wants to know what others do.
    """

    epoch: UUID | None = None
    send_only: bool = False


def is_ours(version: str | None) -> bool:
    """Whether a client understands what we say beside the protocol."""
    return version is not None and version.startswith(PRODUCT)


def read_version(version: str) -> Extension:
    """Return what a client of ours asks for.

    Raises: ClientTooOld (a version of the SDK that is not spoken here), InvalidRequest.
    """
    number, *parameters = version.removeprefix(PRODUCT).split(";")
    if number != VERSION:
        raise ClientTooOld(f"this server speaks {PRODUCT}{VERSION}, not {PRODUCT}{number[:20]}")
    epoch, send_only = None, False
    for parameter in parameters:
        name, has_value, value = parameter.partition("=")
        if name == "epoch" and has_value and epoch is None:
            epoch = _epoch(value)
        elif parameter == "send-only" and not send_only:
            send_only = True
        else:
            raise InvalidRequest("after the version come ;epoch=<uuid> and ;send-only, each at most once")
    return Extension(epoch, send_only)


def document_text(epoch: UUID, seq: int, frame_limit: int, *, writable: bool) -> str:
    """Tell about the document that was opened; `seq` is its last committed update."""
    return _text(webhost="document", epoch=str(epoch), seq=seq, frameLimit=frame_limit, writable=writable)


def denied_text(error: SyncError) -> str:
    """Tell why a document was not opened, or is no longer open. `epoch` comes with `wrong_epoch`."""
    epoch = {"epoch": str(error.fields["epoch"])} if "epoch" in error.fields else {}
    return _text(webhost="denied", **_why(error), **epoch)


def refused_text(error: SyncError) -> str:
    """Tell why the update that the next sync status is about was refused."""
    return _text(webhost="refused", **_why(error))


def held_text(error: SyncError) -> str:
    """Tell that the document takes no updates until the server ends this stay."""
    return _text(webhost="held", **_why(error))


def _why(error: SyncError) -> dict[str, str | bool]:
    return {"code": error.code, "message": str(error), "retry": error.retry}


def _epoch(text: str) -> UUID:
    try:
        epoch = UUID(text)
    except ValueError:
        raise InvalidRequest("the epoch in the version is no UUID") from None
    return epoch


def _text(**fields: str | int | bool) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
