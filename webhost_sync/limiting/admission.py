"""Who is at the door, and whether they may be heard now: rate limits around the authenticator.

    a credential that is known at a glance    counts for its principal, before anything is asked of Postgres
    any other                                 is looked up, unless its address has shown too many bad ones

So strangers can't reach the database faster than their address's budget lets them, and can't lock out whoever
shares the address with them. A principal is a token's subject and device, wherever they are; a key alone
stands for many devices perhaps, and counts for each address apart.
"""

from __future__ import annotations

import ipaddress

from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.principals import Principal
from webhost_sync.errors import NotAuthenticated
from webhost_sync.limiting.budgets import Budget, Kind, Verdict
from webhost_sync.limiting.limiter import Limiter

IPV6_NETWORK = 64
"""Bits of an IPv6 address that name a customer; whoever has one address has the whole network."""


class Admission:
    """The way in for keys and tokens."""

    def __init__(self, authenticator: Authenticator, limiter: Limiter) -> None:
        self._authenticator = authenticator
        self._limiter = limiter

    async def admit(
        self, credential: str | None, address: str, kind: Kind | None
    ) -> tuple[Principal, Verdict | None]:
        """Let somebody in who does something of this kind; None counts nothing but bad credentials.
        The verdict is None where nothing was counted.

        Raises: TooManyRequests, and what `Authenticator.authenticate` raises.
        """
        network = network_of(address)
        glance = self._authenticator.at_a_glance(credential)
        verdict = None
        if glance is None:
            if (stranger := await self._limiter.look(Kind.STRANGER, network)) is not None:
                stranger.demand()
        else:
            verdict = await self._take(kind, glance, network)
        try:
            principal = await self._authenticator.authenticate(credential)
        except NotAuthenticated:
            await self._limiter.take(Kind.STRANGER, network)
            raise
        if glance is None:
            verdict = await self._take(kind, principal, network)
        return principal, verdict

    async def connect(self, address: str) -> None:
        """Let an address open one more socket. Raises: TooManyRequests."""
        verdict = await self._limiter.take_from_address(Kind.CONNECT, network_of(address))
        if verdict is not None:
            verdict.demand()

    async def visit(self, session: str, address: str) -> Verdict | None:
        """Count a request to a page, or to what is open to all; `session` is empty where there is none.

        Raises: TooManyRequests.
        """
        verdict = await self._limiter.take(Kind.PAGE, session or network_of(address))
        if verdict is not None:
            verdict.demand()
        return verdict

    async def budgets_of(self, tenant_id: int) -> tuple[tuple[Budget, bool], ...]:
        """As `Limiter.budgets_of`."""
        return await self._limiter.budgets_of(tenant_id)

    async def _take(self, kind: Kind | None, principal: Principal, network: str) -> Verdict | None:
        if kind is None:
            return None
        verdict = await self._limiter.take(kind, name_of(principal, network), principal.tenant_id)
        if verdict is not None:
            verdict.demand()
        return verdict


def name_of(principal: Principal, network: str) -> str:
    """Whom a principal's requests are counted for."""
    stands_for_key = not principal.device and principal.subject.startswith("key:")
    if principal.token_id is None or stands_for_key:
        return f"{principal.tenant_id} key {principal.key_id} {network}"
    return f"{principal.tenant_id} {principal.subject!r} {principal.device!r}"


def network_of(address: str) -> str:
    """The address, or the network of an IPv6 one; what is no address stays as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
