"""A cashier with a player, an operator and the three processes of payments, for flow tests."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from casino import rates
from casino.cashier import acknowledging, foreign_sends, returns, treasury, withdrawals
from casino.cashier.addresses import deposit_instruction
from casino.cashier.batches import Payout, open_payouts
from casino.cashier.rails import set_hot_wallet
from casino.cashier.withdrawal_states import Withdrawal, WithdrawalStatus
from casino.clock import utc_now
from casino.db import Database
from casino.ids import new_reference
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from casino.players import identity
from casino.staff import orders, people
from payments.addresses import TonAddress
from payments.desks.ton import TonDesk
from payments.sender import Sender
from payments.settler import Settler
from payments.signer.checks import Limits
from payments.signer.roots import Entropy
from payments.signer.service import Signer
from payments.signer.signing_keys import TonKey
from payments.signer.ton_pen import TonPen
from payments.watcher import Watcher
from tests import factories
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World

RAIL = "ton"
APPROVER_SEED = bytes(range(32, 64))
LIMITS = Limits(
    order_units_max=100 * TON,
    hour_units_max=300 * TON,
    day_units_max=300 * TON,
    two_people_above_units=1000 * TON,
)


@dataclass
class House:
    """Everything between a player's wish and the chain."""

    world: World
    database: Database
    limits: Limits = LIMITS
    cold_address: str = ""
    watcher: Watcher = field(init=False)
    settler: Settler = field(init=False)
    sender: Sender = field(init=False)
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """New processes without a memory of the old ones."""
        chain = self.world.chain
        desk = TonDesk(self.database, chain, RAIL, timedelta(seconds=TIMEOUT_SECONDS), 50)
        self.watcher = Watcher(self.database, chain, (RAIL,), 1)
        self.sender = Sender(self.database, desk, 1)
        self.settler = Settler(self.database, desk, 1)
        pen = TonPen(
            rail=RAIL,
            key=TonKey(Entropy(bytes(self.world.key))),
            wallet=self.world.wallet,
            limits=self.limits,
            approval_key=orders.public_key(APPROVER_SEED),
            testnet=True,
            cold_address=self.cold_address,
        )
        self.signer = Signer(self.database, pen, 1)

    async def watch(self) -> None:
        """What the watcher's process does: read, settle what was sent, and compare."""
        await self.watcher.step()
        await self.settler.step()
        await self.watcher.step()

    async def open(self) -> None:
        """Say where the hot wallet is and what a coin is worth, and hire an owner."""
        async with self.database.transaction() as session:
            await set_hot_wallet(
                session, rail=RAIL, address=self.world.wallet.address.friendly(), now=utc_now()
            )
            await rates.quote(
                session, asset=Asset.TON, numerator=1, denominator=1000, now=utc_now()
            )
            await people.ensure_owners(session, telegram_ids=[1], now=utc_now())

    def somebody(self, number: int) -> TonAddress:
        """An account that nobody else pays to."""
        return TonAddress(0, hashlib.sha256(f"{self.world.account} {number}".encode()).digest())

    async def player(self, telegram_id: int = 7) -> int:
        async with self.database.transaction() as session:
            player = await identity.find_or_create(
                session,
                telegram_id=telegram_id,
                first_name="Ann",
                username=None,
                language_code="en",
                start_payload=None,
                now=utc_now(),
            )
            await identity.accept_terms(
                session,
                player_id=player.id,
                terms_version=identity.TERMS_VERSION,
                of_age=True,
                language="en",
                now=utc_now(),
            )
        return player.id

    async def tag(self, player_id: int) -> str:
        async with self.database.transaction() as session:
            told = await deposit_instruction(session, player_id=player_id, rail=RAIL, now=utc_now())
        return told.tag

    async def rich_player(self, units: int, telegram_id: int = 7) -> int:
        """A player whose deposit has arrived."""
        player_id = await self.player(telegram_id)
        await self.world.pay_in(units, comment=await self.tag(player_id))
        await self.watch()
        assert await self.cash(player_id) == units
        return player_id

    async def cash(self, player_id: int) -> int:
        async with self.database.transaction() as session:
            wallets = await journal.balances(session, player_id)
        return wallets[Asset.TON].cash if Asset.TON in wallets else 0

    async def withdraw(self, player_id: int, units: int, destination: str) -> int:
        """A withdrawal that an operator has approved."""
        async with self.database.transaction() as session:
            asked = await factories.ask_withdrawal(
                session,
                player_id=player_id,
                rail=RAIL,
                units=units,
                destination=destination,
                memo="",
                reference=new_reference(),
                now=utc_now(),
            )
        await self.approve(asked.id)
        return asked.id

    async def approve(self, withdrawal_id: int) -> None:
        """What the operator says yes to."""
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            await withdrawals.approve(
                session,
                withdrawal_id=withdrawal_id,
                member=owner,
                sign=lambda order: orders.sign(order, key_seed=APPROVER_SEED),
                now=utc_now(),
            )

    async def send_back(self, deposit_id: int, destination: str) -> int:
        """The withdrawal by which the operator sends a held deposit back, not yet approved."""
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            planned = await returns.plan(
                session, deposit_id=deposit_id, destination=destination, memo="", now=utc_now()
            )
            made = await returns.send_back(
                session,
                deposit_id=deposit_id,
                destination=destination,
                memo="",
                fee_units=planned.fee_units,
                member=owner,
                now=utc_now(),
            )
        return made.id

    async def withdrawal(self, withdrawal_id: int) -> Withdrawal:
        async with self.database.transaction() as session:
            return await withdrawals.get(session, withdrawal_id=withdrawal_id)

    async def status(self, withdrawal_id: int) -> WithdrawalStatus:
        return (await self.withdrawal(withdrawal_id)).status

    async def open_payouts(self) -> list[Payout]:
        async with self.database.transaction() as session:
            return list(await open_payouts(session, rail=RAIL))

    async def turn(self) -> None:
        """Everybody does his work once, and a block is made."""
        await self.watch()
        await self.sender.step()  # claims
        await self.signer.step()
        await self.sender.step()  # sends
        await self.world.node.mine()
        await self.watch()

    async def explain(self) -> None:
        """The owner says what left the account without a payout."""
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            for one in await foreign_sends.waiting(session):
                await acknowledging.acknowledge(
                    session,
                    account=one.account,
                    tx_hash=one.tx_hash,
                    member=owner,
                    note="a theft",
                    now=utc_now(),
                )

    async def require_balanced(self) -> None:
        """The book agrees with itself and with the chain, to the unit."""
        async with self.database.transaction() as session:
            report = await reconcile(session)
        assert report.sound, report
        from_chain = await self.drift()
        assert from_chain == 0

    async def drift(self) -> int | None:
        async with self.database.transaction() as session:
            return (await treasury.hot_wallet_view(session, rail=RAIL)).drift_units
