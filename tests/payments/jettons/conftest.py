"""A jetton of each kind on the module's node, our wallet for it, and a person who owns some."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from payments.addresses import parse_ton
from payments.chains.base import Page, PayoutMember, PayoutVerdict, Position, SentPayout
from payments.chains.ton import TonChain
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_payout import ATTACHED_UNITS, build_jetton_payout
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.chains.ton_wallet import Payment, SignedMessage
from sandbox.ton.jetton import Kind, LocalJetton
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World

DOLLAR = 10**6


@dataclass
class JettonWorld:
    """Everything of `World`, for a jetton; `wallet` is our jetton wallet."""

    world: World
    jetton: LocalJetton
    coins: TonChain
    chain: TonJettonChain
    wallet: str

    @property
    def owner(self) -> str:
        return self.world.account

    async def arrive(self, units: int, **given: object) -> None:
        """The person pays jettons to our hot wallet, and they arrive."""
        await self.jetton.pay(self.world.person, self.owner, units, **given)  # type: ignore[arg-type]
        await self.world.node.mine()

    async def read(self, *, limit: int = 100, after: Position | None = None) -> Page:
        head = await self.chain.head()
        return await self.chain.page(self.wallet, after=after or Position(), head=head, limit=limit)

    async def read_coins(self, *, after: Position | None = None) -> Page:
        """What the owner's account says of coins."""
        head = await self.coins.head()
        return await self.coins.page(self.owner, after=after or Position(), head=head, limit=1000)

    async def require_coins_explained(self) -> None:
        """Deposits less costs are the hot wallet's balance, to the unit."""
        page = await self.read_coins()
        came = sum(one.units for one in page.transfers)
        cost = sum(fee.units for fee in page.fees)
        assert await self.world.node.balance(self.owner) == came - cost

    def sign(
        self, payments: Sequence[Payment], *, like: SentPayout, attached_units: int
    ) -> SignedMessage:
        return build_jetton_payout(
            self.world.wallet,
            parse_ton(self.wallet),
            payments,
            query_id=like.query_id,
            created_at=int(like.created_at.timestamp()),
            deploy=True,
            sign=lambda digest: self.world.key.sign(digest).signature,
            attached_units=attached_units,
        )

    async def payout(
        self, payments: Sequence[Payment], *, attached_units: int = ATTACHED_UNITS
    ) -> SentPayout:
        """A signed payout that was not sent yet."""
        head = await self.chain.head()
        created_at = head.at - timedelta(seconds=30)
        self.world.next_query += 1
        bare = SentPayout(
            payout_id=1,
            account=self.wallet,
            signed=b"",
            query_id=self.world.next_query,
            created_at=created_at,
            expires_at=created_at + timedelta(seconds=TIMEOUT_SECONDS),
            members=tuple(
                PayoutMember(number, payment.destination, payment.units, payment.memo)
                for number, payment in enumerate(payments, start=1)
            ),
        )
        signed = self.sign(payments, like=bare, attached_units=attached_units)
        return replace(bare, signed=signed.boc)

    async def sent(self, payments: Sequence[Payment], **given: int) -> SentPayout:
        """A payout that is in a block with all that it caused."""
        payout = await self.payout(payments, **given)
        await self.chain.broadcast(payout.signed)
        await self.world.node.mine()
        return payout

    async def judge(self, payout: SentPayout) -> PayoutVerdict:
        return await self.chain.judge(payout, head=await self.chain.head())

    async def ours(self) -> int:
        """Jettons that we have."""
        return (await self.chain.account(self.wallet)).units


async def make_jettons(world: World, kind: Kind, name: str) -> JettonWorld:
    """A jetton of its own on the world's node; the person has a million, the hot wallet none."""
    issuer = PersonWallet(world.rpc, f"issuer for {name}")
    jetton = LocalJetton(world.rpc, issuer, kind)
    await world.node.faucet(issuer.address.raw, 1000 * TON)
    await jetton.deploy()
    await world.node.mine()
    await jetton.mint(world.person.address.raw, 10**6 * DOLLAR)
    await world.node.mine()
    master = jetton.master.friendly()
    wallets = JettonWallets(world.rpc, masters=[master])
    coins = TonChain(world.rpc, jettons=wallets)
    chain = TonJettonChain("usdt", world.rpc, coins=coins, wallets=wallets, master=master)
    return JettonWorld(world, jetton, coins, chain, await chain.locate(world.account))


@pytest.fixture(params=list(Kind), ids=lambda kind: kind.name.lower())
async def jettons(world: World, request: pytest.FixtureRequest) -> JettonWorld:
    """A jetton of every kind in turn."""
    return await make_jettons(world, request.param, request.node.name)


@pytest.fixture
async def house(jettons: JettonWorld) -> JettonWorld:
    """The same with a hot wallet that has a thousand jettons and the coins to send them."""
    await jettons.world.node.faucet(jettons.owner, 100 * TON)
    await jettons.arrive(1000 * DOLLAR)
    return jettons
