"""What can go wrong on the device itself, and on its way to the server.

    DeviceError                 the device's own storage
    ├── DatabaseBusy            another process has the database open
    ├── DatabaseDamaged         the file can't be used
    ├── NotStored               the disk refused a write
    └── DocumentRetired         the handle belongs to a copy that is no longer in use
    TryAgain (webhost_sync.errors)
    ├── Unreachable             no answer, or an answer that is not our server's
    └── Withheld                an answer that pycrdt must not be given

Everything that the server itself says comes back as the class of `webhost_sync.errors` that it was
raised as there.
"""

from __future__ import annotations

from webhost_sync.errors import TryAgain


class DeviceError(Exception):
    """the device's own storage failed"""


class DatabaseBusy(DeviceError):
    """another process has this device's database open; stop it, one writer is all there may be"""


class DatabaseDamaged(DeviceError):
    """the device's database can't be used; move the file away and start anew under a new device id"""


class NotStored(DeviceError):
    """the change could not be stored on this device and does not count; free some disk and repeat it"""


class DocumentRetired(DeviceError):
    """this copy of the document is no longer in use; ask the device for the document again"""


class Unreachable(TryAgain):
    """the server can't be reached; nothing is lost, try again"""

    code = "unreachable"


class Withheld(TryAgain):
    """the server's changes can't be applied here, the device's own are delivered all the same"""

    code = "withheld"
