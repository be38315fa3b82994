"""Keeps webhooks out of the operator's own network: which URLs may be called, and at which address.

A name is resolved once, every address it has is looked at, and the request goes to the address that was
looked at, so that a name can't mean another machine a moment later. Redirects are never followed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from webhost_sync.errors import InvalidRequest

LONGEST_URL = 2000


class AddressRefused(Exception):
    """A URL leads to where webhooks may not go; the message says why."""


@dataclass(frozen=True, slots=True)
class Guard:
    """`networks` are private ones that may be called; loopback too where it is `development`."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    development: bool = False

    @classmethod
    def of(cls, networks: Sequence[str], *, development: bool) -> Guard:
        """Raises: ValueError (no network)."""
        return cls(tuple(ip_network(each) for each in networks), development)

    def check_url(self, url: str) -> None:
        """What can be said of a URL without asking anybody. Raises: InvalidRequest."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise InvalidRequest(f"this is no URL: {error}") from None
        if parts.scheme not in ("https", "http") or not host or port == 0 or len(url) > LONGEST_URL:
            raise InvalidRequest("a webhook's url must look like https://example.com/hook")
        if parts.username is not None or parts.password is not None:
            raise InvalidRequest("a webhook's url takes no user or password; the signature says who calls")
        if parts.scheme == "http" and not (self.development and _is_loopback(host)):
            raise InvalidRequest(
                "a webhook's url must begin with https:// (http:// on loopback in development)"
            )

    async def address_of(self, url: str) -> str:
        """The address to connect to. Raises: AddressRefused, OSError (no such name)."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        for address in addresses:
            if not self._may(address):
                raise AddressRefused(
                    f"{parts.hostname} is the private address {address}; an operator can allow its network "
                    "(WEBHOOK_ALLOWED_NETWORKS)"
                )
        if not addresses:
            raise AddressRefused(f"{parts.hostname} has no address")
        return addresses[0]

    def _may(self, text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_global and not address.is_multicast:
            return True
        if self.development and address.is_loopback:
            return True
        return any(address in network for network in self.networks if network.version == address.version)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
