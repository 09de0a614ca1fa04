"""The bridges of TON wallets that the page may talk to, read from the list it is served with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

LIST = "tonconnect/wallets.json"
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)


class Bridge(msgspec.Struct, frozen=True):
    """One way to reach a wallet; only those of type `sse` have an address."""

    type: str
    url: str = ""


class Wallet(msgspec.Struct, frozen=True):
    """What we need of a wallet in the list."""

    bridge: tuple[Bridge, ...] = ()


def bridge_origins(static: Path) -> tuple[str, ...]:
    """Origins of the wallets' bridges, each once and in order; none when there is no list.

    Raises ValueError for a list that cannot be read or a bridge that is not an https address.
    """
    path = static / LIST
    if not path.exists():
        return ()
    wallets = msgspec.json.decode(path.read_bytes(), type=list[Wallet])
    found = {
        _origin_of(bridge.url)
        for wallet in wallets
        for bridge in wallet.bridge
        if bridge.type == "sse"
    }
    return tuple(sorted(found))


def _origin_of(url: str) -> str:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url)).lower()
    # It becomes part of a header: a blank or a semicolon would let in more than one origin.
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(f"not the https address of a bridge: {url!r}")
    return origin
