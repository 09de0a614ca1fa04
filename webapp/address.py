"""Where a request comes from: the caller's address, behind our own proxy too."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

FORWARDED = "X-Forwarded-For"
_HOUSEHOLD_BITS = 64


def caller_of(request: web.Request) -> str:
    """The address to count a caller by: for IPv6 his network, since he can take any address in it.

    A private peer is our own proxy, and what it appended to X-Forwarded-For is the caller. From
    anybody else the header is only a claim and is not read.
    """
    peer = _parse(request.remote or "")
    if peer is None:
        return "unknown"
    if peer.is_private:
        last = ",".join(request.headers.getall(FORWARDED, [])).rpartition(",")[2]
        peer = _parse(last.strip()) or peer
    if isinstance(peer, IPv6Address):
        return f"{IPv6Address(int(peer) >> _HOUSEHOLD_BITS << _HOUSEHOLD_BITS)}/{_HOUSEHOLD_BITS}"
    return str(peer)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
