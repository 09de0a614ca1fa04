"""A person's wallet on the local Ethereum: a key from a seed, the same JSON-RPC as everyone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coincurve import PrivateKey

from payments.chains.evm_addresses import EvmAddress, address_of, parse_evm
from payments.chains.evm_wallet import (
    COIN_TRANSFER_GAS,
    FeeMarket,
    SignedTransaction,
    Transaction,
    coin_transfer,
    sign_transaction,
    token_transfer,
)
from sandbox.evm.chain import CHAIN_ID

if TYPE_CHECKING:
    from sandbox.evm.chain import LocalEvm

TOKEN_TRANSFER_GAS = 100_000


@dataclass(slots=True)
class PersonWallet:
    """Somebody's own wallet; the same `seed` is the same wallet in every run."""

    chain: LocalEvm
    token: EvmAddress
    seed: str
    _key: PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(b"fairhouse local wallet\0" + self.seed.encode()).digest()
        self._key = PrivateKey(digest)

    @property
    def address(self) -> EvmAddress:
        """Where this wallet lives."""
        return address_of(self._key.public_key.format(compressed=False))

    def sign(self, digest: bytes) -> bytes:
        """A recoverable signature of 32 bytes."""
        return self._key.sign_recoverable(digest, hasher=None)

    def signed(self, transaction: Transaction) -> SignedTransaction:
        """Sign without sending."""
        return sign_transaction(transaction, account=self.address, sign=self.sign)

    async def pay_tokens(self, to: str, units: int) -> SignedTransaction:
        """Sign and hand in a token transfer; it is mined with one of the next blocks."""
        return await self._send(
            token_transfer(
                chain_id=CHAIN_ID,
                nonce=await self.nonce(),
                fees=(await self.market()).fees,
                gas=TOKEN_TRANSFER_GAS,
                token=self.token,
                to=parse_evm(to),
                units=units,
            )
        )

    async def pay_coins(
        self, to: str, wei: int, *, gas: int = COIN_TRANSFER_GAS
    ) -> SignedTransaction:
        """Sign and hand in a transfer of coins; a receiver with code wants more `gas`."""
        return await self._send(
            coin_transfer(
                chain_id=CHAIN_ID,
                nonce=await self.nonce(),
                fees=(await self.market()).fees,
                to=parse_evm(to),
                wei=wei,
                gas=gas,
            )
        )

    async def nonce(self) -> int:
        """The number of the next transaction, those that wait counted."""
        return int(await self.chain.ask("eth_getTransactionCount", self.address.raw, "pending"), 16)

    async def market(self) -> FeeMarket:
        """What the next block asks for."""
        block = await self.chain.ask("eth_getBlockByNumber", "latest", False)
        return FeeMarket(int(block["baseFeePerGas"], 16), 10**9)

    async def _send(self, transaction: Transaction) -> SignedTransaction:
        signed = self.signed(transaction)
        await self.chain.send(signed.signed)
        return signed
