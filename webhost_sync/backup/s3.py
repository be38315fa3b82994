"""Archives in a bucket that speaks S3, over obstore (the extra `s3`).

An upload in parts becomes an object when it is completed, so a killed one is never seen. One that fails is
ended with its parts, and the next backup ends those that killed ones left (`s3_uploads`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhost_sync.backup.archive import Read, Write
from webhost_sync.backup.manifest import read_name
from webhost_sync.backup.s3_uploads import UnfinishedUploads
from webhost_sync.backup.shelf import Entry, ShelfError

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store
except ImportError as missing:
    raise ShelfError(
        "s3:// needs the package obstore: install webhost-sync with its extra s3 (`webhost-sync[s3]`)"
    ) from missing

if TYPE_CHECKING:
    from obstore.store import ClientConfig

PART = 8 * 1024 * 1024
PARTS_AT_ONCE = 4


class S3Shelf:
    """`webhost_sync.backup.shelf.Shelf` in a bucket."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        if "@" in parts.netloc or parts.query:
            raise ShelfError("s3:// takes no credentials in the target; set AWS_ACCESS_KEY_ID and the like")
        self.where = f"s3://{parts.netloc}{parts.path.rstrip('/')}"
        endpoint = os.environ.get("AWS_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or ""
        options: ClientConfig = {"allow_http": True} if endpoint.startswith("http://") else {}
        try:
            self._store = S3Store(parts.netloc, prefix=parts.path.strip("/") or None, client_options=options)
        except (BaseError, ValueError) as error:
            raise self._refused(error) from None
        self._uploads = UnfinishedUploads(parts.netloc, parts.path.strip("/"), os.environ)

    async def entries(self) -> tuple[Entry, ...]:
        found = []
        try:
            async for page in obstore.list(self._store):
                for item in page:
                    if known := read_name(item["path"]):
                        found.append(Entry(item["path"], *known, item["size"]))
        except (BaseError, OSError) as error:
            raise self._refused(error) from None
        return tuple(sorted(found, key=lambda entry: entry.name))

    @asynccontextmanager
    async def write(self, name: str) -> AsyncIterator[Write]:
        await self._uploads.end_stale(datetime.now(UTC))
        file = obstore.open_writer_async(self._store, name, buffer_size=PART, max_concurrency=PARTS_AT_ONCE)

        async def put(data: bytes) -> None:
            try:
                await file.write(data)
            except (BaseError, OSError) as error:
                raise self._refused(error) from None

        try:
            yield put
            # Only now: a block that raised never completes its upload.
            try:
                await file.close()
            except (BaseError, OSError) as error:
                raise self._refused(error) from None
        except BaseException:
            await self._uploads.end(name)
            raise

    @asynccontextmanager
    async def read(self, name: str) -> AsyncIterator[Read]:
        try:
            answer = await obstore.get_async(self._store, name)
        except (BaseError, OSError) as error:
            raise self._refused(error) from None
        pages = answer.stream(min_chunk_size=1024 * 1024).__aiter__()
        waiting = bytearray()

        async def get(size: int) -> bytes:
            while len(waiting) < size:
                try:
                    waiting.extend(await anext(pages))
                except StopAsyncIteration:
                    break
                except (BaseError, OSError) as error:
                    raise self._refused(error) from None
            data = bytes(waiting[:size])
            del waiting[:size]
            return data

        yield get

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self._store, name)
        except (BaseError, OSError) as error:
            raise self._refused(error) from None

    async def free(self) -> int | None:
        return None

    def _refused(self, error: Exception) -> ShelfError:
        # What the library says may be pages of retries, and hold the request; its kind is enough.
        kind = type(error).__name__.removesuffix("Error")
        return ShelfError(
            f"{self.where}: the store refused ({kind}: {_first_line(error)}); check the bucket, the "
            "network and AWS_*"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason given"
