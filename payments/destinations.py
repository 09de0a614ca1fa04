"""Where a rail can pay to: the one reading of an address that a player typed, for every chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.errors import AddressInvalid
from payments.addresses import parse_ton
from payments.addresses import require_payable as require_payable_ton
from payments.chains import btc_addresses
from payments.chains.evm_addresses import parse_evm, require_payable_evm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from casino.cashier.house_addresses import HouseAddresses
    from casino.cashier.rails import Rail

    Read = Callable[[str], object]
    Canonical = Callable[[Rail, str, HouseAddresses, bool], str]


def canonical_destination(rail: Rail, text: str, *, house: HouseAddresses, testnet: bool) -> str:
    """The one text under which an address is shown, stored, compared and paid on this rail.

    `house` are our own accounts and tokens in any form; those of other chains do not matter.
    `testnet` lets TON addresses pass that say that they belong to a test network. Raises
    AddressInvalid with `reason`, `wanted` (the rail's chain) and, if the address is another
    network's, that `network`; reason `rail` is a rail whose network is not known."""
    canonical = CHAINS.get(rail.chain)
    if canonical is None:
        raise AddressInvalid(reason="rail", wanted=rail.chain)
    try:
        return canonical(rail, text, house, testnet)
    except AddressInvalid as error:
        raise AddressInvalid(**{**error.data, "wanted": rail.chain}) from error


def sender_destination(rail: Rail, sender: str, *, house: HouseAddresses) -> str | None:
    """Where coins go back to whoever sent them, as `canonical_destination` writes it; None where
    the chain names no sender, or none that can be paid."""
    try:
        # What a chain says of its own accounts is right for its network.
        return canonical_destination(rail, sender, house=house, testnet=True)
    except AddressInvalid:
        return None


def _on_ton(_rail: Rail, text: str, house: HouseAddresses, testnet: bool) -> str:
    own = frozenset(_readable(house.accounts, _any_ton))
    address = require_payable_ton(text, own=own, testnet=testnet)
    wanted = _any_ton(address)
    if any(_any_ton(token) == wanted for token in _readable(house.tokens, _any_ton)):
        raise AddressInvalid(reason="token")
    return address


def _on_evm(rail: Rail, text: str, house: HouseAddresses, _testnet: bool) -> str:
    if rail.token is None:
        raise AddressInvalid(reason="rail")
    own = frozenset(_readable(house.accounts, parse_evm))
    address = require_payable_evm(text, token=rail.token, own=own)
    if any(parse_evm(token).checksummed == address for token in _readable(house.tokens, parse_evm)):
        raise AddressInvalid(reason="token")
    return address


def _on_bitcoin(rail: Rail, text: str, house: HouseAddresses, _testnet: bool) -> str:
    network = btc_addresses.NETWORKS.get(rail.network_id or "")
    if network is None:
        raise AddressInvalid(reason="rail")

    def read(one: str) -> bytes:
        return btc_addresses.parse(one, network)

    own = frozenset(read(one) for one in _readable(house.accounts, read))
    return btc_addresses.require_payable(text, network, own=own)


def _any_ton(text: str) -> object:
    return parse_ton(text, testnet=True)


def _readable(texts: Iterable[str], read: Read) -> list[str]:
    """Those that are addresses of the chain at all."""
    found = []
    for text in texts:
        try:
            read(text)
        except AddressInvalid:
            continue
        found.append(text)
    return found


CHAINS: Mapping[str, Canonical] = {
    "ton": _on_ton,
    "ethereum": _on_evm,
    "bitcoin": _on_bitcoin,
}
