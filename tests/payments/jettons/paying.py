"""The cashier of coins and a jetton with everybody who pays out of their one hot wallet."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from casino.cashier import acknowledging, foreign_sends, withdrawals
from casino.cashier.batches import Payout, open_payouts
from casino.cashier.foreign_sends import ForeignSend
from casino.cashier.rails import TON, USDT_TON
from casino.cashier.withdrawal_states import WithdrawalStatus
from casino.clock import utc_now
from casino.ids import new_reference
from casino.money import Asset
from casino.players import identity
from casino.staff import orders, people
from payments.addresses import TonAddress, parse_ton
from payments.chains.ton import TonChain
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.desks.jetton import JettonDesk
from payments.desks.ton import TonDesk
from payments.desks.ton_sweeps import Sweeps
from payments.sender import Sender
from payments.settler import Settler
from payments.signer.checks import Limits
from payments.signer.jetton_pen import JettonPen
from payments.signer.roots import Entropy
from payments.signer.service import Signer
from payments.signer.signing_keys import TonKey
from payments.signer.ton_pen import TonPen
from tests import factories
from tests.payments.conftest import TIMEOUT_SECONDS, World
from tests.payments.conftest import TON as COIN
from tests.payments.house import APPROVER_SEED
from tests.payments.jettons.conftest import DOLLAR
from tests.payments.jettons.house import JettonHouse

COINS = Limits(
    order_units_max=100 * COIN,
    hour_units_max=300 * COIN,
    day_units_max=300 * COIN,
    two_people_above_units=1000 * COIN,
)
DOLLARS = Limits(
    order_units_max=5000 * DOLLAR,
    hour_units_max=20_000 * DOLLAR,
    day_units_max=20_000 * DOLLAR,
    two_people_above_units=10_000 * DOLLAR,
)
FEE = {TON: 50_000_000, USDT_TON: DOLLAR}
OWNER = 1


@dataclass
class PayingHouse(JettonHouse):
    """Both rails from deposits to payouts; `restart` forgets what was in memory."""

    approved_at: datetime | None = None
    cold_address: str = ""
    senders: dict[str, Sender] = field(init=False)
    settlers: dict[str, Settler] = field(init=False)
    signers: dict[str, Signer] = field(init=False)

    @property
    def world(self) -> World:
        return self.jettons.world

    def restart(self, *given: object) -> None:
        """New processes without a memory of the old ones."""
        super().restart(*given)  # type: ignore[arg-type]
        self._start_senders()
        pen = {
            "key": TonKey(Entropy(bytes(self.world.key))),
            "wallet": self.world.wallet,
            "approval_key": orders.public_key(APPROVER_SEED),
            "testnet": True,
            "cold_address": self.cold_address,
        }
        held = parse_ton(self.jettons.wallet)
        pens = (
            TonPen(rail=TON, limits=COINS, **pen),  # type: ignore[arg-type]
            JettonPen(
                rail=USDT_TON,
                limits=DOLLARS,
                master=self.jettons.jetton.master,
                jetton_wallets={self.world.account: held},
                **pen,  # type: ignore[arg-type]
            ),
        )
        self.signers = {pen.rail: Signer(self.database, pen, 1) for pen in pens}

    def _start_senders(self) -> None:
        master = self.jettons.jetton.master.raw
        wallets = JettonWallets(self.rpc, masters=[master])
        coins = TonChain(self.rpc, jettons=wallets)
        dollars = TonJettonChain(USDT_TON, self.rpc, coins=coins, wallets=wallets, master=master)
        timeout = timedelta(seconds=TIMEOUT_SECONDS)
        desks = (
            TonDesk(self.database, coins, TON, timeout, 50),
            JettonDesk(self.database, dollars, coins, USDT_TON, timeout, 50),
        )
        desks[0].sweeps = Sweeps(self.database, coins, desks[0].hot, timeout, COIN, 0.0)
        desks[1].sweeps = Sweeps(
            self.database, coins, desks[1].hot, timeout, 10 * DOLLAR, 0.0, dollars
        )
        self.senders = {desk.rail: Sender(self.database, desk, 1) for desk in desks}
        self.settlers = {desk.rail: Settler(self.database, desk, 1) for desk in desks}

    async def open(self) -> None:
        """Hire an owner besides."""
        async with self.database.transaction() as session:
            await people.ensure_owners(session, telegram_ids=[OWNER], now=utc_now())
        await super().open()

    async def watch(self) -> None:
        """What the watcher's process does."""
        await self.step()
        for settler in self.settlers.values():
            await settler.step()
        await self.step()

    async def send(self) -> None:
        for sender in self.senders.values():
            await sender.step()

    async def sign(self) -> int:
        return sum([await signer.step() for signer in self.signers.values()])

    async def turn(self) -> None:
        """Everybody does his work once, and a block is made."""
        await self.watch()
        await self.send()
        await self.sign()
        await self.send()
        await self.world.node.mine()
        await self.watch()

    async def grown_up(self, telegram_id: int = 7) -> int:
        """A player who may play and withdraw."""
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

    async def rich(self, *, dollars: int = 0, coins: int = 0, telegram_id: int = 7) -> int:
        """A player whose deposits have arrived."""
        player = await self.grown_up(telegram_id)
        if dollars:
            await self.jettons.arrive(dollars, comment=await self.tag(player))
        if coins:
            await self.world.pay_in(coins, comment=await self.tag(player, TON))
        await self.watch()
        assert await self.cash(player) == dollars
        assert await self.cash(player, Asset.TON) == coins
        return player

    async def rich_in_coins(self, player: int, units: int = 5 * COIN) -> int:
        """The player pays coins in; returns how many he has now."""
        await self.world.pay_in(units, comment=await self.tag(player, TON))
        await self.watch()
        return await self.cash(player, Asset.TON)

    async def withdraw(
        self, player_id: int, units: int, to: str, *, rail: str = USDT_TON, memo: str = ""
    ) -> int:
        """A withdrawal that the owner has approved."""
        now = self.approved_at or utc_now()
        async with self.database.transaction() as session:
            asked = await factories.ask_withdrawal(
                session,
                player_id=player_id,
                rail=rail,
                units=units,
                destination=to,
                memo=memo,
                reference=new_reference(),
                now=utc_now(),
            )
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=OWNER)
            assert owner is not None
            await withdrawals.approve(
                session,
                withdrawal_id=asked.id,
                member=owner,
                sign=lambda order: orders.sign(order, key_seed=APPROVER_SEED),
                now=now,
            )
        return asked.id

    async def status(self, withdrawal_id: int) -> WithdrawalStatus:
        async with self.database.transaction() as session:
            return (await withdrawals.get(session, withdrawal_id=withdrawal_id)).status

    async def under_way(self, rail: str = USDT_TON) -> list[Payout]:
        async with self.database.transaction() as session:
            return list(await open_payouts(session, rail=rail))

    async def foreign(self) -> list[ForeignSend]:
        async with self.database.transaction() as session:
            return list(await foreign_sends.waiting(session))

    async def explain(self, note: str = "it was me") -> None:
        """The owner says what all of them were."""
        for one in await self.foreign():
            async with self.database.transaction() as session:
                owner = await people.find_member(session, telegram_id=OWNER)
                assert owner is not None
                await acknowledging.acknowledge(
                    session,
                    account=one.account,
                    tx_hash=one.tx_hash,
                    member=owner,
                    note=note,
                    now=utc_now(),
                )

    async def held_by(self, receiver: TonAddress) -> int:
        """Jettons of an account."""
        return await self.jettons.jetton.balance(receiver.raw)
