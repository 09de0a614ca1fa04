"""A person's Bitcoin wallet: one key from a seed, over the same RPC as everyone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embit import ec
from embit import script as scripts
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from payments.bitcoin_rpc import BitcoinRpc, units_of
from payments.chains.btc_addresses import NETWORKS, address_of, parse
from sandbox.btc.mining import NOBODY

if TYPE_CHECKING:
    from collections.abc import Sequence

MATURITY_BLOCKS = 100
INPUT_VBYTES = 68
OUTPUT_VBYTES_MAX = 43
FRAME_VBYTES = 11
REPLACEABLE = 0xFFFFFFFD
DUST_UNITS = 294


class WalletIsShort(RuntimeError):
    """The person's wallet holds less than he wants to send."""


@dataclass(frozen=True, slots=True)
class PersonCoin:
    """A coin of his that he can spend now."""

    txid: str
    vout: int
    units: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction of his, as he signed it."""

    txid: str
    raw: bytes
    coins: tuple[PersonCoin, ...]


@dataclass(slots=True)
class PersonWallet:
    """Somebody's own wallet; the same `seed` is the same wallet in every run.

    `network` names an entry of `payments.chains.btc_addresses.NETWORKS`."""

    rpc: BitcoinRpc
    network: str
    seed: str
    _key: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(b"fairhouse local bitcoin wallet\0" + self.seed.encode()).digest()
        self._key = ec.PrivateKey(digest)

    @property
    def script(self) -> bytes:
        """The p2wpkh script of all his coins."""
        return bytes(scripts.p2wpkh(self._key.get_public_key()).data)

    @property
    def address(self) -> str:
        """Where people pay him."""
        return self._address(self.script)

    async def mine(self, blocks: int = 1) -> list[str]:
        """Make blocks whose coins nobody owns; returns their hashes, the newest last."""
        hashes: list[str] = await self.rpc.call("generatetoaddress", blocks, self._address(NOBODY))
        return hashes

    async def mine_for_himself(self, blocks: int) -> None:
        """Make blocks that pay him, and as many more as it takes before he may spend that. What a
        block brings halves every 150 blocks, so that this is for the beginning of a chain."""
        await self.rpc.call("generatetoaddress", blocks, self.address)
        await self.mine(MATURITY_BLOCKS)

    async def coins(self) -> list[PersonCoin]:
        """Confirmed coins that he may spend and has not spent, the largest first."""
        found = await self.rpc.call("scantxoutset", "start", [f"raw({self.script.hex()})"])
        coins = []
        for one in found["unspents"]:
            # Not there any more when a transaction that waits spends it.
            shown = await self.rpc.call("gettxout", one["txid"], one["vout"], True)
            if shown is None:
                continue
            if shown["coinbase"] and shown["confirmations"] <= MATURITY_BLOCKS:
                continue
            coins.append(PersonCoin(one["txid"], one["vout"], units_of(one["amount"])))
        return sorted(coins, key=lambda coin: (-coin.units, coin.txid, coin.vout))

    async def balance(self) -> int:
        """Coins that he could spend now, in satoshis."""
        return sum(coin.units for coin in await self.coins())

    async def send(self, to: str, units: int, *, rate: int = 2) -> Sent:
        """Pay an address; it is in the chain with one of the next blocks."""
        return await self.pay([(parse(to, NETWORKS[self.network]), units)], rate=rate)

    async def pay(
        self,
        outputs: Sequence[tuple[bytes, int]],
        *,
        rate: int = 2,
        coins: Sequence[PersonCoin] = (),
    ) -> Sent:
        """Pay several scripts in one transaction, from given coins or from the largest ones, at a
        rate in satoshis per virtual byte. Raises WalletIsShort, and OutsideRefused from the node.
        """
        sent = await self.sign(outputs, rate=rate, coins=coins)
        await self.rpc.call("sendrawtransaction", sent.raw.hex())
        return sent

    async def sign(
        self,
        outputs: Sequence[tuple[bytes, int]],
        *,
        rate: int = 2,
        coins: Sequence[PersonCoin] = (),
    ) -> Sent:
        """As `pay`, without handing it in."""
        chosen = list(coins)
        wanted = sum(units for _, units in outputs)
        rest = iter(() if coins else await self.coins())
        while True:
            size = FRAME_VBYTES + INPUT_VBYTES * len(chosen)
            size += OUTPUT_VBYTES_MAX * (len(outputs) + 1)
            left = sum(coin.units for coin in chosen) - wanted - size * rate
            if chosen and left >= 0:
                break
            coin = next(rest, None)
            if coin is None:
                raise WalletIsShort(f"{self.seed}: {wanted} satoshis and the fee")
            chosen.append(coin)
        paid = list(outputs) + ([(self.script, left)] if left >= DUST_UNITS else [])
        raw = self._signed(chosen, paid)
        txid = Transaction.parse(raw).txid().hex()
        return Sent(txid, raw, tuple(chosen))

    def _signed(self, coins: Sequence[PersonCoin], outputs: Sequence[tuple[bytes, int]]) -> bytes:
        transaction = Transaction(
            version=2,
            vin=[
                TransactionInput(bytes.fromhex(coin.txid), coin.vout, sequence=REPLACEABLE)
                for coin in coins
            ],
            vout=[TransactionOutput(units, scripts.Script(script)) for script, units in outputs],
            locktime=0,
        )
        guarded = scripts.p2pkh_from_p2wpkh(scripts.Script(self.script))
        public = self._key.get_public_key()
        for number, coin in enumerate(coins):
            digest = transaction.sighash_segwit(number, guarded, coin.units)
            witness = scripts.witness_p2wpkh(self._key.sign(digest), public)
            transaction.vin[number].witness = witness
        return bytes(transaction.serialize())

    def _address(self, script: bytes) -> str:
        return str(address_of(script, NETWORKS[self.network]))
