"""Multipart uploads of a bucket that were begun and never completed: parts of archives, paid for and unseen.

In: the bucket, and the usual variables of AWS. Only what is named as an archive below the prefix is touched.
The library for objects (obstore) can't name such uploads, so the two requests are signed here (AWS Signature
Version 4). Where no key is set (a role of the machine), or the bucket lets us not, nothing happens.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import httpx

from webhost_sync.backup.manifest import read_name

STALE = timedelta(days=1)
"""An upload older than this is nobody's any more; a younger one may be a backup of another machine."""
TIME_LIMIT = 10.0
NOTHING = hashlib.sha256(b"").hexdigest()
_FIELDS = re.compile(r"<(Key|UploadId|Initiated)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Upload:
    """One that was begun. `key` is the whole name in the bucket."""

    key: str
    id: str
    begun: datetime


Wanted = Callable[[Upload], bool]


class UnfinishedUploads:
    """Finds and ends them. Invariant: nothing here raises; no backup fails for the sake of old parts."""

    def __init__(self, bucket: str, prefix: str, environment: Mapping[str, str]) -> None:
        self._prefix = f"{prefix}/" if prefix else ""
        self._id = environment.get("AWS_ACCESS_KEY_ID", "")
        self._secret = environment.get("AWS_SECRET_ACCESS_KEY", "")
        self._token = environment.get("AWS_SESSION_TOKEN", "")
        self._region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = environment.get("AWS_ENDPOINT") or environment.get("AWS_ENDPOINT_URL")
        self._base = f"{(endpoint or f'https://s3.{self._region}.amazonaws.com').rstrip('/')}/{bucket}"

    async def end(self, name: str) -> None:
        """Those of the archive of this name, however old."""
        await self._end(lambda upload: upload.key == self._prefix + name)

    async def end_stale(self, now: datetime) -> None:
        """Those that killed backups left."""
        await self._end(lambda upload: now - upload.begun > STALE)

    async def _end(self, wanted: Wanted) -> None:
        if not self._id or not self._secret:
            return
        try:
            async with httpx.AsyncClient(timeout=TIME_LIMIT, trust_env=False) as client:
                listed = await self._ask(client, "GET", "", {"uploads": "", "prefix": self._prefix})
                for upload in self._ours(uploads_in(listed.text) if listed.is_success else ()):
                    if wanted(upload):
                        await self._ask(client, "DELETE", f"/{quote(upload.key)}", {"uploadId": upload.id})
        except httpx.HTTPError:
            return  # what has to be said of the way to the bucket the backup itself says

    def _ours(self, found: Iterable[Upload]) -> list[Upload]:
        named = [each for each in found if each.key.startswith(self._prefix)]
        return [each for each in named if read_name(each.key.removeprefix(self._prefix)) is not None]

    async def _ask(
        self, client: httpx.AsyncClient, method: str, path: str, query: Mapping[str, str]
    ) -> httpx.Response:
        parts = urlsplit(self._base + path)
        headers = {"host": parts.netloc}
        if self._token:
            headers["x-amz-security-token"] = self._token
        line = query_line(query)
        signed = sign(
            method, parts.path, line, headers, self._region, self._id, self._secret, datetime.now(UTC)
        )
        return await client.request(method, f"{self._base}{path}?{line}", headers=signed)


def uploads_in(answer: str) -> list[Upload]:
    """What an answer to `ListMultipartUploads` names; the first thousand."""
    found = []
    for part in answer.split("<Upload>")[1:]:
        fields = {name: html.unescape(value) for name, value in _FIELDS.findall(part)}
        if fields.keys() >= {"Key", "UploadId", "Initiated"}:
            begun = datetime.fromisoformat(fields["Initiated"])
            found.append(Upload(fields["Key"], fields["UploadId"], begun))
    return found


def query_line(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))


def sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    region: str,
    key_id: str,
    secret: str,
    now: datetime,
) -> dict[str, str]:
    """The headers of a request without a body, signed. `path` is encoded and `query` in order; headers have
    lower-case names, with `host` among them."""
    moment, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    sent = {**headers, "x-amz-content-sha256": NOTHING, "x-amz-date": moment}
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{NOTHING}"
    scope = f"{day}/{region}/s3/aws4_request"
    summed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{summed}".encode(), "sha256").hex()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent
