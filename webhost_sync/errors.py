"""Everything that can go wrong between us and a client, as one tree and one table.

    SyncError
    ├── ClientFault                  the client must change something before it comes back
    │   ├── ProtocolError            bytes that are no message            4400  400
    │   │   └── MalformedUpdate      a message whose update is no update  4400  400
    │   ├── NotAuthenticated         no credential, or a bad one          4401  401
    │   │   ├── TokenExpired                                              4401  401
    │   │   └── KeyRevoked                                                4401  401
    │   ├── NotAllowed               a good credential without the right  4403  403
    │   ├── DocumentNotFound         unknown, or not for this principal   4404  404
    │   ├── VehicleNotFound          unknown, or not for this principal   4404  404
    │   ├── VersionNotFound          no such version of the document      4404  404
    │   ├── HistoryGone              older than what is kept              4404  410
    │   ├── NotFound                 a key, member or the like            4404  404
    │   ├── WrongEpoch               a replica of another history         4409  409
    │   ├── TooLarge                 frame, document or request           4413  413
    │   ├── ClientTooOld                                                  4426  426
    │   └── InvalidRequest           an argument of a request             4400  400
    └── TryAgain                     our fault or the weather; come back with backoff
        ├── StoreUnavailable         Postgres does not answer             1013  503
        ├── RoomClosing              the room is being unloaded           1013  503
        ├── TooSlow                  the client does not read             1013  503
        ├── DocumentQuarantined      readable, but takes no writes        1013  503
        ├── UnderMaintenance         nothing is changed for now           1013  503
        ├── Draining                 this process is going away           4503  503
        ├── Idle                     no message for too long              4508  503
        ├── TooManyRequests                                               4529  429
        └── Internal                 a bug of ours                        4500  500

Codes 4400 to 4499 are permanent: y-websocket 3.1 stops for ever when it sees one. 4408 and 4429
are therefore never used. Errors carry fields; a class's docstring is its message.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class SyncError(Exception):
    """something went wrong"""

    code: ClassVar[str] = "error"
    close_code: ClassVar[int] = 4500
    http_status: ClassVar[int] = 500
    retry: ClassVar[bool] = True

    def __init__(self, detail: str = "", **fields: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields

    def __str__(self) -> str:
        """The docstring, then what is special about this case, both fit for a client's eyes."""
        message = inspect.cleandoc(type(self).__doc__ or "error")
        return f"{message}: {self.detail}" if self.detail else message

    @property
    def reason(self) -> str:
        """The message cut to what a close frame can carry (123 bytes of UTF-8)."""
        return str(self).encode()[:123].decode(errors="ignore")


class ClientFault(SyncError):
    """the request can't be served as it is"""

    code = "client_fault"
    close_code = 4400
    http_status = 400
    retry = False


class ProtocolError(ClientFault):
    """the bytes are no message of this protocol"""

    code = "protocol_error"


class MalformedUpdate(ProtocolError):
    """the update can't be decoded"""

    code = "malformed_update"


class InvalidRequest(ClientFault):
    """an argument of the request is invalid"""

    code = "invalid_request"


class NotAuthenticated(ClientFault):
    """sign in: send an API key or a token"""

    code = "not_authenticated"
    close_code = 4401
    http_status = 401


class TokenExpired(NotAuthenticated):
    """the token has expired; get a new one"""

    code = "token_expired"


class KeyRevoked(NotAuthenticated):
    """the API key is revoked; use another one"""

    code = "key_revoked"


class NotAllowed(ClientFault):
    """this credential doesn't give the right to do that"""

    code = "not_allowed"
    close_code = 4403
    http_status = 403


class DocumentNotFound(ClientFault):
    """there is no such document for this credential"""

    code = "document_not_found"
    close_code = 4404
    http_status = 404


class VehicleNotFound(ClientFault):
    """there is no such vehicle for this credential"""

    code = "vehicle_not_found"
    close_code = 4404
    http_status = 404


class VersionNotFound(ClientFault):
    """there is no such version of this document"""

    code = "version_not_found"
    close_code = 4404
    http_status = 404


class NotFound(ClientFault):
    """there is no such thing for you"""

    code = "not_found"
    close_code = 4404
    http_status = 404


class HistoryGone(ClientFault):
    """the history of this document doesn't reach so far back"""

    code = "history_gone"
    close_code = 4404
    http_status = 410


class WrongEpoch(ClientFault):
    """the document was made anew; this replica belongs to its earlier history"""

    code = "wrong_epoch"
    close_code = 4409
    http_status = 409


class TooLarge(ClientFault):
    """more bytes than the limit allows"""

    code = "too_large"
    close_code = 4413
    http_status = 413


class ClientTooOld(ClientFault):
    """the server no longer speaks this client's version; update the client"""

    code = "client_too_old"
    close_code = 4426
    http_status = 426


class TryAgain(SyncError):
    """the server can't do this now; try again"""

    code = "try_again"
    close_code = 1013
    http_status = 503


class StoreUnavailable(TryAgain):
    """the database can't be reached; nothing is lost, try again"""

    code = "store_unavailable"


class RoomClosing(TryAgain):
    """the room is closing; try again"""

    code = "room_closing"


class TooSlow(TryAgain):
    """the connection reads too slowly; come back and catch up"""

    code = "too_slow"


class DocumentQuarantined(TryAgain):
    """the document is in quarantine and takes no writes until an admin releases it"""

    code = "document_quarantined"


class UnderMaintenance(TryAgain):
    """the server is in maintenance: it takes no changes for now, and nothing is lost"""

    code = "maintenance"


class Draining(TryAgain):
    """the server is restarting; come back in a moment"""

    code = "draining"
    close_code = 4503


class Idle(TryAgain):
    """no message came for too long"""

    code = "idle"
    close_code = 4508


class TooManyRequests(TryAgain):
    """too many requests; slow down"""

    code = "too_many_requests"
    close_code = 4529
    http_status = 429


class Internal(TryAgain):
    """the server failed; it has been logged"""

    code = "internal"
    close_code = 4500
    http_status = 500
