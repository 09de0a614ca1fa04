"""Addresses on EVM chains: read what people paste, refuse what cannot be paid, derive our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embit.bip32 import HDKey
from embit.networks import NETWORKS
from eth_hash.auto import keccak

from casino.errors import AddressInvalid
from payments.addresses import network_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS_BYTES = 20
RESERVED_PREFIX = bytes(18)
"""Precompiled contracts and the zero address are the addresses whose first 18 bytes are zero."""
ACCOUNT_DEPTH = 3
"""An extended public key of m/44'/60'/0' has three steps behind it."""
RECEIVING = 0
INDEXES = 1 << 31

_FORM = re.compile(r"0[xX]([0-9a-fA-F]{40})", re.ASCII)


@dataclass(frozen=True, slots=True)
class EvmAddress:
    """An account on an EVM chain."""

    account: bytes

    @property
    def raw(self) -> str:
        """The form that programs compare and store in keys: 0x and 40 lower-case hex digits."""
        return "0x" + self.account.hex()

    @property
    def checksummed(self) -> str:
        """The form that people copy (EIP-55): the case of its letters is a checksum."""
        digits = self.account.hex()
        mask = keccak(digits.encode()).hex()
        return "0x" + "".join(
            digit.upper() if int(bit, 16) >= 8 else digit
            for digit, bit in zip(digits, mask, strict=False)
        )


def parse_evm(text: str) -> EvmAddress:
    """Read an address: letters of one case, or mixed as EIP-55 wants them.

    Raises AddressInvalid with `reason`: empty, malformed, checksum or other_network, then with the
    `network` whose address this looks like."""
    text = text.strip()
    if not text:
        raise AddressInvalid(reason="empty")
    found = _FORM.fullmatch(text)
    if found is None:
        network = network_of(text)
        if network is not None:
            raise AddressInvalid(reason="other_network", network=network)
        raise AddressInvalid(reason="malformed")
    digits = found[1]
    address = EvmAddress(bytes.fromhex(digits))
    one_case = digits in (digits.lower(), digits.upper())
    if not one_case and address.checksummed[2:] != digits:
        raise AddressInvalid(reason="checksum")
    return address


def require_payable_evm(text: str, *, token: str, own: frozenset[str] = frozenset()) -> str:
    """The checksummed text of an address that a player may withdraw `token` to.

    Besides what `parse_evm` refuses: the zero account (`burn`), precompiled contracts
    (`precompile`), the token's contract itself, where tokens are lost for ever (`token`), and our
    own accounts, given as any valid text (`own`)."""
    address = parse_evm(text)
    if not any(address.account):
        raise AddressInvalid(reason="burn")
    if address.account.startswith(RESERVED_PREFIX):
        raise AddressInvalid(reason="precompile")
    if address == parse_evm(token):
        raise AddressInvalid(reason="token")
    if any(parse_evm(ours) == address for ours in own):
        raise AddressInvalid(reason="own")
    return address.checksummed


def address_of(public_key: bytes) -> EvmAddress:
    """The account of an uncompressed public key: 65 bytes that begin with 4."""
    return EvmAddress(keccak(public_key[1:])[-ADDRESS_BYTES:])


class ExtendedKeyInvalid(ValueError):
    """Not an extended public key that deposit addresses may come from; the text says why and
    never repeats the key, which may be a private one."""


class DepositAddresses:
    """The addresses m/44'/60'/0'/0/i, derived from the account's public key alone.

    Whoever holds this can watch every deposit and spend none."""

    def __init__(self, xpub: str) -> None:
        """Raises ExtendedKeyInvalid, also for a private key: it has no business on this host."""
        try:
            key = HDKey.from_base58(xpub.strip())
        except Exception as error:  # the library raises whatever its parser met
            raise ExtendedKeyInvalid("not an extended key in base58") from error
        if key.is_private:
            raise ExtendedKeyInvalid("this is a private key: never give it to a watcher")
        if key.version != NETWORKS["main"]["xpub"] or key.depth != ACCOUNT_DEPTH:
            raise ExtendedKeyInvalid("not the public key of an account: m/44'/60'/0'")
        self._receiving: HDKey = key.child(RECEIVING)

    def at(self, index: int) -> EvmAddress:
        """The address number `index`, below 2^31. Raises ValueError for another number."""
        if not 0 <= index < INDEXES:
            raise ValueError("an index lies between 0 and 2^31 - 1")
        point = self._receiving.child(index).key
        point.compressed = False
        return address_of(bytes(point.sec()))

    def between(self, first: int, last: int) -> Iterator[EvmAddress]:
        """The addresses number `first` .. `last`, in order."""
        return (self.at(index) for index in range(first, last + 1))
