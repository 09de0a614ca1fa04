"""A real TON node for each test module, a hot wallet, and people who pay into it."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from nacl.signing import SigningKey
from sqlalchemy.engine import make_url

from casino.db import Database
from payments.chains.base import (
    ChainHead,
    Page,
    PayoutMember,
    PayoutVerdict,
    Position,
    SentPayout,
)
from payments.chains.ton import TonChain
from payments.chains.ton_wallet import HotWallet, Payment, SignedMessage, build_payout
from payments.rpc import Toncenter
from payments.signer.database_role import statements
from sandbox.ton.chain import LocalChain
from sandbox.ton.wallet import PersonWallet

TON = 10**9
TIMEOUT_SECONDS = 600


@dataclass
class World:
    """The node, our adapter over it, our wallet's key, and one rich person."""

    node: LocalChain
    rpc: Toncenter
    chain: TonChain
    key: SigningKey
    person: PersonWallet
    next_query: int = 0

    @property
    def wallet(self) -> HotWallet:
        return HotWallet(bytes(self.key.verify_key), 0x10AD, TIMEOUT_SECONDS)

    @property
    def account(self) -> str:
        return self.wallet.address.raw

    async def pay_in(self, units: int, **given: object) -> None:
        """The person sends coins to our wallet, and they arrive."""
        to = self.wallet.address.friendly(bounceable=bool(given.pop("bounceable", False)))
        await self.person.send(to, units, **given)  # type: ignore[arg-type]
        await self.node.mine()

    async def read(self, *, limit: int = 100, after: Position | None = None) -> Page:
        head = await self.chain.head()
        return await self.chain.page(
            self.account, after=after or Position(), head=head, limit=limit
        )

    def sign(
        self, payments: list[Payment], *, query_id: int, created_at: datetime
    ) -> SignedMessage:
        return build_payout(
            self.wallet,
            payments,
            query_id=query_id,
            created_at=int(created_at.timestamp()),
            deploy=True,
            sign=lambda digest: self.key.sign(digest).signature,
        )

    async def payout(self, payments: list[Payment]) -> SentPayout:
        """A signed payout that was not sent yet."""
        head = await self.chain.head()
        created_at = head.at - timedelta(seconds=30)
        self.next_query += 1
        message = self.sign(payments, query_id=self.next_query, created_at=created_at)
        members = tuple(
            PayoutMember(number, payment.destination, payment.units, payment.memo)
            for number, payment in enumerate(payments, start=1)
        )
        return SentPayout(
            payout_id=1,
            account=self.account,
            signed=message.boc,
            query_id=self.next_query,
            created_at=created_at,
            expires_at=created_at + timedelta(seconds=TIMEOUT_SECONDS),
            members=members,
        )

    async def judge(self, payout: SentPayout) -> PayoutVerdict:
        return await self.chain.judge(payout, head=await self.chain.head())


def hot_key(seed: bytes) -> SigningKey:
    """The hot wallet's key of a test."""
    return SigningKey(hashlib.sha256(seed).digest())


def long_ago() -> datetime:
    return datetime.fromtimestamp(0, UTC)


def genesis() -> ChainHead:
    return ChainHead(0, long_ago())


@pytest.fixture(scope="module")
def node() -> Iterator[LocalChain]:
    node = LocalChain(block_ms=None)
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def world(node: LocalChain, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each test has a wallet and a person of its own, on the module's node."""
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=1000)
    key = hot_key(request.node.name.encode())
    person = PersonWallet(rpc, f"person of {request.node.name}")
    await node.fault(dropSend=0, failAfterSend=0, http429=0, http500=0, lag=0)
    await node.faucet(person.address.raw, 1000 * TON)
    yield World(node, rpc, TonChain(rpc), key, person)
    await rpc.close()


@pytest.fixture
async def as_signer(db: Database) -> AsyncIterator[Database]:
    """The test's database, entered as a role made by the printed statements."""
    role, password = f"signer_{secrets.token_hex(4)}", secrets.token_hex(8)
    owner = await asyncpg.connect(db.dsn)
    for statement in statements(role):
        await owner.execute(statement)
    await owner.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
    url = make_url(db.dsn).set(drivername="postgresql+asyncpg", username=role, password=password)
    database = Database(url.render_as_string(hide_password=False))
    yield database
    await database.close()
    await owner.execute(f"DROP OWNED BY {role}")
    await owner.execute(f"DROP ROLE {role}")
    await owner.close()
