"""What everybody may know of the keys: addresses, public keys, fingerprints. Watchers need it."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from payments.chains.btc_addresses import BITCOIN, BITCOIN_TESTNET
from payments.signer.roots import Root, RootKind
from payments.signer.signing_keys import Master, TonKey

FINGERPRINT_BYTES = 4


class TonPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ton"):
    """One generation of the key on TON. The wallet's address follows from the key and from
    TON_WALLET_*; hex throughout."""

    generation: int
    fingerprint: str
    """The first four bytes of SHA-256 of the public key."""
    public_key: str
    made_at: datetime | None = None


class BtcEthPart(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="btc_eth"
):
    """One generation of the keys behind Bitcoin and Ethereum; extended keys are in base58."""

    generation: int
    fingerprint: str
    """Of the master key (BIP32), in hex."""
    btc_main: str
    """xpub of m/84'/0'/0'."""
    btc_test: str
    """tpub of m/84'/1'/0'."""
    evm_deposits: str
    """xpub of m/44'/60'/0'; deposit addresses are its children 0/i."""
    evm_hot: str
    """The address m/44'/60'/1'/0/0 with its checksum (EIP-55)."""
    made_at: datetime | None = None


PublicPart = TonPart | BtcEthPart


def public_part(root: Root) -> PublicPart:
    """What may be known of a root."""
    if root.kind is RootKind.TON:
        key = TonKey(root.entropy).public_key
        return TonPart(root.generation, ton_fingerprint(key), key.hex(), root.made_at)
    master = Master.of(root.entropy)
    return BtcEthPart(
        root.generation,
        master.fingerprint.hex(),
        master.btc(BITCOIN).xpub,
        master.btc(BITCOIN_TESTNET).xpub,
        master.evm_deposits().xpub,
        master.evm_hot().address.checksummed,
        root.made_at,
    )


def ton_fingerprint(public_key: bytes) -> str:
    """A short name of a key on TON."""
    return hashlib.sha256(public_key).digest()[:FINGERPRINT_BYTES].hex()


def kind_of(part: PublicPart) -> RootKind:
    """Which kind of root a part belongs to."""
    return RootKind.TON if isinstance(part, TonPart) else RootKind.BTC_ETH


def same_keys(one: PublicPart, other: PublicPart) -> bool:
    """Whether two parts come from the same root, whenever and as which generation it was kept."""
    return _bare(one) == _bare(other)


def _bare(part: PublicPart) -> PublicPart:
    return msgspec.structs.replace(part, generation=0, made_at=None)
