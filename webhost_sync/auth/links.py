"""One-time links as their receivers get them: `{server}/dashboard/link?token={64 hex digits}`.

The token stands in the query, which no log of ours keeps. Called by the CLI, the demo and the pages.
"""

from __future__ import annotations

from datetime import timedelta

from store.audit import Deed
from store.sessions import Sessions
from store.users import MemberRole
from webhost_sync.auth.cookies import SecretId, link_text
from webhost_sync.auth.people import new_id
from webhost_sync.config import Settings

LINK_PATH = "/dashboard/link"
SIGN_IN_LIFETIME = timedelta(hours=24)
INVITATION_LIFETIME = timedelta(days=7)


def server_url(settings: Settings) -> str:
    """Where people reach the server, as far as the settings tell; without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


async def sign_in_link(
    sessions: Sessions, email: str, *, url: str, lifetime: timedelta = SIGN_IN_LIFETIME, deed: Deed
) -> str:
    """A link by which the holder of an account signs in once."""
    link_id = new_id()
    await sessions.make_link(email, link_id.hash, lifetime=lifetime, deed=deed)
    return _address(url, link_id)


async def invitation_link(
    sessions: Sessions, email: str, *, slug: str, role: MemberRole, url: str, deed: Deed
) -> str:
    """A link by which somebody becomes a member of a customer. Raises: UnknownCustomer."""
    link_id = new_id()
    await sessions.invite(slug, email, role, link_id.hash, lifetime=INVITATION_LIFETIME, deed=deed)
    return _address(url, link_id)


def _address(url: str, link_id: SecretId) -> str:
    return f"{url}{LINK_PATH}?token={link_text(link_id)}"
