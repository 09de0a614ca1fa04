"""Jettons on the local chain: a governed stablecoin of USDT's family, and the standard one.

Bodies are built by ton-core's own classes and not by the product's, so that one is a test of the
other. What is sent here is on the chain with one of the next blocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ton_core import (
    CONTRACT_CODES,
    Cell,
    ContractVersion,
    JettonInternalTransferBody,
    JettonMasterStablecoinData,
    JettonMasterStandardData,
    JettonMintBody,
    JettonStandardMintBody,
    JettonTopUpBody,
    JettonTransferBody,
    OffchainContent,
    StateInit,
)

from payments.addresses import BASECHAIN, TonAddress, parse_ton
from payments.chains.ton_cells import comment_cell, library_address
from payments.chains.ton_jetton_wallets import (
    JettonWallets,
    get_method,
    read_stack_number,
)
from payments.rpc import Toncenter
from sandbox.ton.wallet import PersonWallet

DEPLOY_UNITS = 50_000_000
MINT_UNITS = 300_000_000
MINT_ATTACHED_UNITS = 100_000_000
ATTACHED_UNITS = 100_000_000
"""What a person's wallet program attaches to a payment of jettons."""
FORWARD_UNITS = 1


class Kind(Enum):
    """Which contracts a jetton runs."""

    GOVERNED = "stablecoin v2: shard-prefixed wallets, supply in the issuer's hands"
    STANDARD = "the reference jetton of TEP-74"


@dataclass(slots=True)
class LocalJetton:
    """A jetton that `issuer` mints at will. The same issuer, kind and `name` are the same jetton;
    another name is a look-alike."""

    rpc: Toncenter
    issuer: PersonWallet
    kind: Kind = Kind.GOVERNED
    name: str = "https://example.invalid/dollar.json"

    @property
    def master(self) -> TonAddress:
        """Where the jetton's own contract lives."""
        return TonAddress(BASECHAIN, bytes(self._state_init().serialize().hash))

    async def deploy(self) -> None:
        """Bring the master to life."""
        await self.issuer.send(
            self.master.friendly(),
            DEPLOY_UNITS,
            body=JettonTopUpBody().serialize() if self.kind is Kind.GOVERNED else None,
            state_init=self._state_init(),
        )

    async def mint(self, owner: str, units: int, *, comment: str = "") -> None:
        """Make new jettons for `owner`."""
        transfer = JettonInternalTransferBody(
            jetton_amount=units,
            forward_amount=FORWARD_UNITS,
            response_address=library_address(self.issuer.address),
            forward_payload=comment_cell(comment) if comment else None,
        )
        body = JettonMintBody if self.kind is Kind.GOVERNED else JettonStandardMintBody
        mint = body(
            destination=library_address(parse_ton(owner, testnet=True)),
            internal_transfer=transfer,
            forward_amount=MINT_ATTACHED_UNITS,
        )
        await self.issuer.send(self.master.friendly(), MINT_UNITS, body=mint.serialize())

    async def pay(
        self,
        person: PersonWallet,
        to: str,
        units: int,
        *,
        comment: str = "",
        payload: Cell | None = None,
        forward_units: int = FORWARD_UNITS,
        attached_units: int = ATTACHED_UNITS,
    ) -> int:
        """`person` pays jettons to the owner `to`. With no `forward_units` the owner's account is
        not told. `payload` replaces the comment. Returns the number of the person's transfer."""
        body = JettonTransferBody(
            destination=library_address(parse_ton(to, testnet=True)),
            jetton_amount=units,
            response_address=library_address(person.address),
            forward_payload=payload or (comment_cell(comment) if comment else None),
            forward_amount=forward_units,
        )
        wallet = await self.wallet_of(person.address.raw)
        return await person.send(
            wallet.friendly(bounceable=True), attached_units, body=body.serialize()
        )

    async def wallet_of(self, owner: str) -> TonAddress:
        """The account that holds `owner`'s jettons, as the master names it."""
        wallets = JettonWallets(self.rpc, masters=[self.master.raw])
        raw = parse_ton(owner, testnet=True).raw
        return parse_ton(await wallets.wallet_of(raw, master=self.master.raw))

    async def balance(self, owner: str) -> int:
        """`owner`'s jettons, in units; nothing for somebody who never had any."""
        wallet = (await self.wallet_of(owner)).raw
        state = await self.rpc.node("getAddressInformation", address=wallet)
        if state["state"] == "uninitialized":
            return 0
        return read_stack_number(await get_method(self.rpc, wallet, "get_wallet_data"), 0)

    async def supply(self) -> int:
        """All jettons that there are, in units."""
        told = await get_method(self.rpc, self.master.raw, "get_jetton_data")
        return read_stack_number(told, 0)

    def _state_init(self) -> StateInit:
        admin, content = library_address(self.issuer.address), OffchainContent(self.name)
        if self.kind is Kind.GOVERNED:
            data = JettonMasterStablecoinData(
                admin_address=admin,
                jetton_wallet_code=_code(ContractVersion.JettonWalletStablecoinV2),
                content=content,
            )
            return StateInit(
                code=_code(ContractVersion.JettonMasterStablecoinV2), data=data.serialize()
            )
        standard = JettonMasterStandardData(
            admin_address=admin,
            content=content,
            jetton_wallet_code=_code(ContractVersion.JettonWalletStandard),
        )
        return StateInit(
            code=_code(ContractVersion.JettonMasterStandard), data=standard.serialize()
        )


def _code(version: ContractVersion) -> Cell:
    return Cell.one_from_boc(CONTRACT_CODES[version])
