"""Keys at work, one small class for each chain: they sign, say who they are, and show nothing.

All come from roots (roots.py): TON's key is the root itself as an Ed25519 seed; the others are
children of a BIP32 master, made from the words of their root without a passphrase."""

from __future__ import annotations

from typing import Any

from coincurve import PrivateKey
from embit import bip32, bip39
from embit.networks import NETWORKS as EXTENDED
from nacl.signing import SigningKey

from payments.chains.btc_addresses import BITCOIN, Network
from payments.chains.btc_coins import Coin
from payments.chains.evm_addresses import INDEXES, RECEIVING, EvmAddress, address_of
from payments.signer.errors import KeyAbsent
from payments.signer.roots import Entropy, Withheld

BTC_MAIN_PATH = "m/84'/0'/0'"
BTC_TEST_PATH = "m/84'/1'/0'"
"""The accounts of BIP84 on the main network and on all others: branch 0 takes deposits, branch 1
our change. The hot wallet is both together."""
EVM_DEPOSITS_PATH = "m/44'/60'/0'"
"""BIP44: players pay to its children 0/i, which watchers derive from the account's public key."""
EVM_HOT_PATH = "m/44'/60'/1'/0/0"
"""The hot wallet, in a hardened account of its own: somebody who learns one key of a deposit
address and the deposits' xpub can work out every deposit key, but not this one."""
HASH_BYTES = 32


class TonKey(Withheld):
    """The Ed25519 key of the hot wallet on TON."""

    __slots__ = ("_key", "public_key")

    def __init__(self, entropy: Entropy) -> None:
        self._key = SigningKey(entropy.reveal())
        self.public_key = bytes(self._key.verify_key)

    def sign(self, digest: bytes) -> bytes:
        """The signature (64 bytes) of a 32-byte hash, as `ton_wallet.build_payout` wants it."""
        return bytes(self._key.sign(_hash(digest)).signature)


class EvmKey(Withheld):
    """The key of one account on EVM chains."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address: EvmAddress = address_of(self._key.public_key.format(compressed=False))

    def sign(self, digest: bytes) -> bytes:
        """r, s and recovery id (65 bytes) for a 32-byte hash, as `evm_wallet.Sign` wants it."""
        return bytes(self._key.sign_recoverable(_hash(digest), hasher=None))


class EvmDeposits(Withheld):
    """The private side of `DepositAddresses`: the key of every address that players pay to."""

    __slots__ = ("_account", "_receiving", "xpub")

    def __init__(self, account: Any) -> None:
        self._account = account
        self._receiving = account.child(RECEIVING)
        self.xpub = str(account.to_public().to_string())

    def at(self, index: int) -> EvmKey:
        """The key of address number `index`, for sweeping it. Raises ValueError outside
        0 .. 2^31 - 1."""
        if not 0 <= index < INDEXES:
            raise ValueError("an index lies between 0 and 2^31 - 1")
        return EvmKey(self._receiving.child(index).secret)


class BtcAccount(Withheld):
    """The private side of `AccountKey`: the whole Bitcoin hot wallet of one network."""

    __slots__ = ("_account", "fingerprint", "path", "xpub")

    def __init__(self, account: Any, *, path: str, fingerprint: bytes) -> None:
        self._account = account
        self.path = path
        self.fingerprint = fingerprint
        """Four bytes that name the master key, as PSBTs carry them."""
        self.xpub = str(account.to_public().to_string())

    def sign(self, coin: Coin, digest: bytes) -> tuple[bytes, bytes]:
        """The DER signature and the 33-byte key, as `btc_wallet.sign` wants them from a signer.

        It signs with the key at the coin's branch and index, whatever the coin's script says:
        `btc_wallet.sign` is what compares the two."""
        key = self._account.derive([coin.branch, coin.index]).key
        return bytes(key.sign(_hash(digest)).serialize()), bytes(key.get_public_key().sec())


class Master(Withheld):
    """A BIP32 master, made from the 64 bytes that BIP39 calls the seed."""

    __slots__ = ("_key", "fingerprint")

    def __init__(self, seed: bytes) -> None:
        self._key = bip32.HDKey.from_seed(seed)
        self.fingerprint = bytes(self._key.my_fingerprint)

    @classmethod
    def of(cls, entropy: Entropy) -> Master:
        """The master of a `btc_eth` root: of its words, without a passphrase."""
        return cls(bip39.mnemonic_to_seed(entropy.words()))

    def btc(self, network: Network) -> BtcAccount:
        """The account of a network."""
        main = network.name == BITCOIN.name
        path = BTC_MAIN_PATH if main else BTC_TEST_PATH
        account = self._key.derive(path)
        account.version = EXTENDED["main" if main else "test"]["xprv"]
        return BtcAccount(account, path=path, fingerprint=self.fingerprint)

    def evm_hot(self) -> EvmKey:
        """The account that pays withdrawals and the gas of sweeps."""
        return EvmKey(self._key.derive(EVM_HOT_PATH).secret)

    def evm_deposits(self) -> EvmDeposits:
        """The keys of the deposit addresses."""
        return EvmDeposits(self._key.derive(EVM_DEPOSITS_PATH))


def _hash(digest: bytes) -> bytes:
    if len(digest) != HASH_BYTES:
        raise KeyAbsent("keys sign hashes of 32 bytes and nothing else")
    return digest
