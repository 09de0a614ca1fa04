"""A cashier that pays USDT out on a real Ethereum node: follower, sender, settler and signer."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from casino import rates
from casino.cashier import acknowledging, foreign_sends, fuel, rails, treasury, withdrawals
from casino.cashier.batches import Payout, open_payouts
from casino.cashier.rails import USDT_ETH
from casino.cashier.withdrawal_states import Withdrawal, WithdrawalStatus
from casino.clock import utc_now
from casino.db import Database
from casino.ids import new_reference
from casino.money import Asset
from casino.staff import orders, people
from payments.builds_evm import EvmAddresses
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, EvmAddress, parse_evm
from payments.config import EvmSweeps
from payments.desks.evm import EvmDesk
from payments.desks.evm_audit import EvmAudit
from payments.desks.evm_search import SendSearch
from payments.desks.evm_sweeps import EvmSweeper, SweepRules
from payments.desks.evm_versions import FeeCaps, Versions
from payments.sender import Sender
from payments.settler import Settler
from payments.signer.checks import Limits
from payments.signer.day_budget import DayBudget
from payments.signer.evm_bounds import Bounds, OwnAddresses
from payments.signer.evm_pen import EvmPen
from payments.signer.roots import Entropy
from payments.signer.service import Signer
from payments.signer.signing_keys import Master
from sandbox.evm.chain import CHAIN_ID
from tests import factories
from tests.payments.evm.conftest import ETH, GWEI, USDT, EvmWorld
from tests.payments.followed import FollowedHouse

APPROVER_SEED = bytes(range(32, 64))
LIMITS = Limits(
    order_units_max=5_000 * USDT,
    hour_units_max=20_000 * USDT,
    day_units_max=20_000 * USDT,
    two_people_above_units=10_000 * USDT,
)
BOUNDS = Bounds(gas_max=400_000, max_fee_max=500 * GWEI, tip_max=50 * GWEI, fuel_max=ETH // 50)
CAPS = FeeCaps(400 * GWEI, 20 * GWEI)
FEE = 5 * USDT
"""What the rail charges the player."""
RULES = SweepRules(EvmSweeps.AUTO, units_min=10 * USDT, cost_times=2, batch=8, caps=CAPS)
NEVER = timedelta(days=1000)
PAGE_BLOCKS = 5
"""Of a search; few enough for several pages."""


@dataclass
class EvmHouse:
    """Everything between a player's wish and the chain; `versions` say when to lose patience."""

    world: EvmWorld
    database: Database
    bump_after: timedelta = NEVER
    unsigned_after: timedelta = NEVER
    limits: Limits = LIMITS
    caps: FeeCaps = CAPS
    rules: SweepRules = RULES
    cold: EvmAddress | None = None
    day_wei: int = 10 * ETH
    followed: FollowedHouse = field(init=False)
    master: Master = field(init=False)
    sender: Sender = field(init=False)
    settler: Settler = field(init=False)
    signer: Signer = field(init=False)
    pen: EvmPen = field(init=False)
    audit: EvmAudit = field(init=False)
    sweeper: EvmSweeper = field(init=False)
    search: SendSearch = field(init=False)

    def __post_init__(self) -> None:
        self.entropy = Entropy(self.world.hot.address.account.ljust(32, b"\5"))
        self.master = Master.of(self.entropy)
        deposits = self.master.evm_deposits()
        self.followed = FollowedHouse(
            self.database,
            self.world.chain,
            addresses=EvmAddresses(DepositAddresses(deposits.xpub)),
            token=self.world.usdt.address.checksummed,
            own_form=lambda text: parse_evm(text).raw,
        )
        self.restart()

    @property
    def hot(self) -> EvmAddress:
        return self.master.evm_hot().address

    def desk(self, chain: EvmChain | None = None) -> EvmDesk:
        return EvmDesk(
            database=self.database,
            evm=chain or self.world.chain,
            rail=USDT_ETH,
            chain_id=CHAIN_ID,
            token=self.world.usdt.address,
            versions=Versions(
                database=self.database,
                rail=USDT_ETH,
                caps=self.caps,
                bump_after=self.bump_after,
                unsigned_after=self.unsigned_after,
            ),
            open_max=8,
            blocks_behind_max=10,
        )

    def restart(self, *, chain: EvmChain | None = None, database: Database | None = None) -> None:
        """New processes without a memory of the old ones."""
        self.database = database or self.database
        self.followed.database = self.database
        self.followed.follower = self.followed.another_follower()
        desk = self.desk(chain)
        self.sender = Sender(self.database, desk, 1)
        self.settler = Settler(self.database, desk, 1)
        self.pen = EvmPen(
            rail=USDT_ETH,
            chain_id=CHAIN_ID,
            token=self.world.usdt.address,
            hot=self.master.evm_hot(),
            own=OwnAddresses([self.master.evm_deposits()], 20),
            limits=self.limits,
            bounds=BOUNDS,
            budget=DayBudget(USDT_ETH, self.day_wei, "day_gas_limit"),
            approval_key=orders.public_key(APPROVER_SEED),
            cold=self.cold,
        )
        self.signer = Signer(self.database, self.pen, 1)
        self.audit = EvmAudit(self.database, chain or self.world.chain, USDT_ETH, 1)
        self.search = SendSearch(
            self.database, chain or self.world.chain, USDT_ETH, 1, page_blocks=PAGE_BLOCKS
        )
        self.sweeper = EvmSweeper(
            database=self.database,
            evm=chain or self.world.chain,
            rail=USDT_ETH,
            chain_id=CHAIN_ID,
            token=self.world.usdt.address,
            rules=self.rules,
            pause_seconds=1,
        )

    async def open(self, *, units: int = 1_000 * USDT, wei: int = ETH) -> None:
        """A hot wallet with coins and tokens that are in the book, and an owner."""
        await self.followed.open()
        now = utc_now()
        async with self.database.transaction() as session:
            offered = await rails.get_rail(session, USDT_ETH)
            flat = replace(offered, address=self.hot.checksummed, fee_policy=None)
            await rails.change_rail(session, rail=flat, actor="test", now=now)
            await rates.quote(session, asset=Asset.ETH, numerator=3, denominator=1, now=now)
        await self.world.node.give(self.hot.raw, wei)
        if units:
            await self.world.usdt.give(self.hot.raw, units)
            async with self.database.transaction() as session:
                await treasury.fund_house(
                    session, rail=USDT_ETH, units=units, reference="opening", now=now
                )
        await self.finalize()

    async def finalize(self) -> None:
        """Everything that is mined becomes final and is read."""
        await self.world.finalize()
        await self.followed.step()
        await self.followed.step()

    async def rich_player(self, units: int) -> int:
        """A player whose deposit is final."""
        player_id, address = await self.followed.player()
        await self.world.usdt.give(address, units)
        await self.finalize()
        await self.finalize()
        return player_id

    async def withdraw(self, player_id: int, units: int, to: EvmAddress) -> int:
        """A withdrawal that an operator has approved."""
        async with self.database.transaction() as session:
            asked = await factories.ask_withdrawal(
                session,
                player_id=player_id,
                rail=USDT_ETH,
                units=units,
                destination=to.checksummed,
                reference=new_reference(),
                now=utc_now(),
            )
        await self.approve(asked.id)
        return asked.id

    async def approve(self, withdrawal_id: int) -> None:
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

    async def withdrawal(self, withdrawal_id: int) -> Withdrawal:
        async with self.database.transaction() as session:
            return await withdrawals.get(session, withdrawal_id=withdrawal_id)

    async def status(self, withdrawal_id: int) -> WithdrawalStatus:
        return (await self.withdrawal(withdrawal_id)).status

    async def open_payouts(self) -> list[Payout]:
        async with self.database.transaction() as session:
            return list(await open_payouts(session, rail=USDT_ETH))

    async def only_payout(self) -> Payout:
        (payout,) = await self.open_payouts()
        return payout

    async def send(self) -> None:
        """Claim, sign and send what there is."""
        await self.followed.step()
        await self.sender.step()
        await self.signer.step()
        await self.sender.step()

    async def again(self) -> None:
        """The sender's next turn, long enough after the last one."""
        self.sender._sent_at.clear()
        await self.sender.step()

    async def settle(self) -> None:
        """Make what is mined final, and judge it."""
        await self.finalize()
        await self.settler.step()

    async def told(self) -> list[str]:
        return await self.followed.told("staff")

    async def paid(self, to: EvmAddress) -> int:
        return await self.world.usdt.units(to.raw)

    async def wei(self, account: EvmAddress | None = None) -> int:
        return await self.world.node.coins((account or self.hot).raw)

    async def foreign(self) -> list[foreign_sends.ForeignSend]:
        async with self.database.transaction() as session:
            return list(await foreign_sends.waiting(session))

    async def acknowledge(self) -> None:
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            for one in await foreign_sends.waiting(session):
                await acknowledging.acknowledge(
                    session,
                    account=one.account,
                    tx_hash=one.tx_hash,
                    member=owner,
                    note="looked at",
                    now=utc_now(),
                )

    async def require_balanced(self) -> None:
        """The book agrees with itself and, to the last unit and wei, with the chain."""
        await self.finalize()
        assert await self.audit.step(), "something is still between the chain and the book"
        async with self.database.transaction() as session:
            view = await treasury.hot_wallet_view(session, rail=USDT_ETH)
        assert view.drift_units == 0, view
        deposits = self.master.evm_deposits()
        ours = [self.hot, *(deposits.at(number).address for number in range(8))]
        assert await self.booked_wei() == sum([await self.wei(one) for one in ours])
        await self.followed.require_sound()
        await self.require_quiet()

    async def require_quiet(self) -> None:
        """Staff were told of no drift."""
        assert "alert.reconcile" not in await self.told()

    async def booked_wei(self) -> int:
        async with self.database.transaction() as session:
            return await fuel.book_parts(session, rail=USDT_ETH)
