"""A person's wallet on the local chain: version 4, from a seed, over the same HTTP as everyone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, field

from nacl.signing import SigningKey
from ton_core import (
    CONTRACT_CODES,
    Cell,
    ContractVersion,
    ExternalMessage,
    InternalMessage,
    PublicKey,
    StateInit,
    WalletV4Data,
    begin_cell,
)

from casino.errors import OutsideRefused
from payments.addresses import BASECHAIN, TonAddress, is_bounceable, parse_ton
from payments.chains.ton_cells import comment_cell, library_address, write_boc
from payments.rpc import Toncenter

SUBWALLET_ID = 698983191
VALID_SECONDS = 3600
MODE_PAY_FEES_SEPARATELY = 3
POLL_SECONDS = 0.1


@dataclass(slots=True)
class PersonWallet:
    """Somebody's own wallet; the same `seed` is the same wallet in every run."""

    rpc: Toncenter
    seed: str
    _key: SigningKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(b"fairhouse local wallet\0" + self.seed.encode()).digest()
        self._key = SigningKey(digest)

    @property
    def address(self) -> TonAddress:
        """Where this wallet lives."""
        return TonAddress(BASECHAIN, bytes(self._state_init().serialize().hash))

    async def balance(self) -> int:
        """Coins, in units."""
        state = await self.rpc.node("getAddressInformation", address=self.address.raw)
        return int(state["balance"])

    async def seqno(self) -> int:
        """How many transfers left this wallet so far."""
        told = await self.rpc.node("getWalletInformation", address=self.address.raw)
        return int(told.get("seqno", 0))

    async def send(
        self,
        to: str,
        units: int,
        *,
        comment: str = "",
        body: Cell | None = None,
        state_init: StateInit | None = None,
    ) -> int:
        """Sign and hand in a transfer; it is on the chain with one of the next blocks.

        Whether refused money comes back is decided by the flag in `to`. `body` replaces the
        comment, `state_init` is the code and data of a contract that it shall bring to life.
        Returns the transfer's number, for `wait`."""
        seqno = await self.seqno()
        head = await self.rpc.index("masterchainInfo")
        transfer = InternalMessage(
            dest=library_address(parse_ton(to, testnet=True)),
            value=units,
            bounce=is_bounceable(to),
            body=comment_cell(comment) if body is None else body,
            state_init=state_init,
        )
        order = (
            begin_cell()
            .store_uint(SUBWALLET_ID, 32)
            .store_uint(int(head["last"]["gen_utime"]) + VALID_SECONDS, 32)
            .store_uint(seqno, 32)
            .store_uint(0, 8)
            .store_uint(MODE_PAY_FEES_SEPARATELY, 8)
            .store_ref(transfer.serialize())
            .end_cell()
        )
        signature = self._key.sign(bytes(order.hash)).signature
        external = ExternalMessage(
            dest=library_address(self.address),
            state_init=None if seqno else self._state_init(),
            body=begin_cell().store_bytes(signature).store_cell(order).end_cell(),
        )
        boc = write_boc(external.serialize())
        await self.rpc.send(base64.b64encode(boc).decode("ascii"))
        return seqno

    async def wait(self, seqno: int, *, seconds: int = 60) -> None:
        """Wait until transfer `seqno` is in a block. Raises OutsideRefused if it never comes."""
        for _ in range(int(seconds / POLL_SECONDS)):
            if await self.seqno() > seqno:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise OutsideRefused(source="local chain", reason="the transfer did not land")

    def _state_init(self) -> StateInit:
        data = WalletV4Data(
            public_key=PublicKey(bytes(self._key.verify_key)), subwallet_id=SUBWALLET_ID
        )
        code = Cell.one_from_boc(CONTRACT_CODES[ContractVersion.WalletV4R2])
        return StateInit(code=code, data=data.serialize())
