"""What is above the threshold goes to cold storage on a real node, and nowhere else."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino.cashier import (
    cold_returns,
    cold_storage,
    deposits,
    moves,
    thresholds,
    treasury,
    unclaimed,
)
from casino.cashier.moves import MoveKind
from casino.cashier.rails import USDT_ETH
from casino.cashier.thresholds import Thresholds
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.errors import IllegalMove, NotFound
from casino.staff import people
from payments.chains.evm_addresses import EvmAddress
from payments.config import SignerSettings
from payments.signer.errors import KeystoreError
from payments.signer.evm_bounds import OwnAddresses
from payments.signer.pens import evm_cold
from sandbox.evm.wallet import PersonWallet
from tests.payments.evm.conftest import ETH, USDT, EvmWorld
from tests.payments.evm.paying import EvmHouse

pytestmark = pytest.mark.chain
AT_ONCE = timedelta(0)


def cold_of(house: EvmHouse) -> EvmAddress:
    return house.world.wallet(f"cold storage of {house.hot.raw}").address


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    """1,000 USDT in the hot wallet, of which 200 shall stay."""
    house = EvmHouse(evm, db)
    house.cold = cold_of(house)
    house.restart()
    await house.open()
    await set_thresholds(house, house.cold)
    return house


async def set_thresholds(house: EvmHouse, cold: EvmAddress) -> None:
    async with house.database.transaction() as session:
        await thresholds.change(
            session,
            rail=USDT_ETH,
            thresholds=Thresholds(100 * USDT, 200 * USDT, 500 * USDT, cold.checksummed),
            actor="staff:1",
            now=utc_now(),
        )


async def held(house: EvmHouse) -> int:
    async with house.database.transaction() as session:
        return await cold_storage.held_units(session, rail=USDT_ETH)


async def test_what_is_above_goes_to_cold_storage_once(house: EvmHouse) -> None:
    await house.send()
    payout = await house.only_payout()
    assert payout.move is not None
    assert (payout.move.kind, payout.move.units) == (MoveKind.COLD, 800 * USDT)
    await house.again()
    assert len(await house.open_payouts()) == 1
    await house.settle()
    assert await house.open_payouts() == []
    assert await house.paid(cold_of(house)) == 800 * USDT
    assert await held(house) == 800 * USDT
    await house.require_balanced()
    await house.world.usdt.give(house.hot.raw, 0)
    await house.send()
    assert await house.open_payouts() == [], "what is kept is below the threshold"
    assert "alert.move_to_cold" not in await house.told()


async def test_withdrawals_come_first_and_keep_what_they_need(house: EvmHouse) -> None:
    player = await house.rich_player(300 * USDT)
    to = house.world.wallet(f"somebody of {house.hot.raw}").address
    withdrawal = await house.withdraw(player, 105 * USDT, to)
    await house.send()
    payment, move = await house.open_payouts()
    assert payment.move is None
    assert move.move is not None
    assert move.move.units == 700 * USDT, "1,000 less 200 to keep, less 100 to pay"
    assert move.replay_number == payment.replay_number + 1
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(house.hot) == 200 * USDT
    await house.require_balanced()


@pytest.mark.parametrize("configured", [False, True])
async def test_the_signer_pays_no_other_address(house: EvmHouse, configured: bool) -> None:
    """Whoever writes to the database chooses no destination; and staff hear what was asked for."""
    thief = house.world.wallet(f"thief of {house.hot.raw}").address
    house.unsigned_after = AT_ONCE
    house.cold = cold_of(house) if configured else None
    house.restart()
    await set_thresholds(house, thief)
    await house.followed.step()
    await house.sender.step()
    assert await house.signer.step() == 0
    assert (await house.told())[-1] == "alert.move_to_cold"
    async with house.database.transaction() as session:
        reason = await session.scalar(
            text("SELECT payload->>'reason' FROM outbox ORDER BY id DESC LIMIT 1")
        )
    assert reason == ("another_cold_address" if configured else "no_cold_address")
    # Nobody signs: the nonce is given back, and nothing is asked again until people have acted.
    await house.again()
    await house.signer.step()
    await house.again()
    await house.settle()
    assert await house.open_payouts() == []
    await house.send()
    assert await house.open_payouts() == []
    assert await house.paid(thief) == 0
    assert await house.paid(house.hot) == 1_000 * USDT
    assert (await house.told()).count("alert.move_to_cold") == 1
    await house.require_balanced()


async def test_a_move_rewritten_after_it_was_claimed_is_refused(house: EvmHouse) -> None:
    thief = house.world.wallet(f"thief of {house.hot.raw}").address
    await house.followed.step()
    await house.sender.step()
    async with house.database.transaction() as session:
        await session.execute(
            text("UPDATE treasury_moves SET destination = :thief"), {"thief": thief.checksummed}
        )
    assert await house.signer.step() == 0
    assert await house.paid(thief) == 0


async def test_processes_die_between_all_steps(house: EvmHouse) -> None:
    await house.followed.step()
    await house.sender.step()
    house.restart()
    await house.signer.step()
    signed = (await house.only_payout()).signed
    house.restart()
    await house.again()
    house.restart()
    await house.again()
    assert (await house.only_payout()).signed == signed
    await house.finalize()
    house.restart()
    await house.settler.step()
    async with house.database.transaction() as session:
        assert await moves.living(session, rail=USDT_ETH) == []
    house.restart()
    await house.send()
    await house.settle()
    assert await house.paid(cold_of(house)) == 800 * USDT == await held(house)
    await house.require_balanced()


async def test_the_audit_asks_for_a_top_up_of_the_hot_wallet_alone(house: EvmHouse) -> None:
    await house.send()
    await house.settle()
    player = await house.rich_player(900 * USDT)
    to = house.world.wallet(f"somebody of {house.hot.raw}").address
    await house.withdraw(player, 155 * USDT, to)
    await house.finalize()
    assert await house.audit.step()
    assert "alert.top_up" in await house.told(), "coins on deposit addresses pay nobody yet"
    await house.world.usdt.give(house.hot.raw, 150 * USDT)
    await house.finalize()
    assert await house.audit.step()
    assert (await house.told())[-2:].count("alert.topped_up") == 1


def test_the_signers_own_setting_is_held_against_its_keys(house: EvmHouse) -> None:
    own = OwnAddresses([house.master.evm_deposits()], 4)
    token = house.world.usdt.address.checksummed
    assert SignerSettings(_env_file=None).usdt_eth_cold_address == ""
    assert evm_cold("", token=token, own=own, wallets=[house.hot]) is None
    cold = cold_of(house)
    assert evm_cold(cold.checksummed, token=token, own=own, wallets=[house.hot]) == cold
    deposit = house.master.evm_deposits().at(2).address
    for bad in ("nonsense", token, house.hot.checksummed, deposit.checksummed):
        with pytest.raises(KeystoreError):
            evm_cold(bad, token=token, own=own, wallets=[house.hot])


async def in_cold_storage(house: EvmHouse) -> PersonWallet:
    """The wallet of cold storage, once 800 USDT are there."""
    await house.send()
    await house.settle()
    assert await held(house) == 800 * USDT
    await house.require_balanced()
    cold = house.world.wallet(f"cold storage of {house.hot.raw}")
    await house.world.node.give(cold.address.raw, ETH)
    return cold


async def test_what_comes_back_is_booked_when_it_is_final(house: EvmHouse) -> None:
    cold = await in_cold_storage(house)
    player = await house.rich_player(20 * USDT)
    own = await house.followed.address(player)
    await cold.pay_tokens(house.hot.raw, 50 * USDT)
    await cold.pay_tokens(own, 30 * USDT)  # by mistake, to the address of a player
    await house.world.node.mine()
    await house.followed.step()
    assert await held(house) == 800 * USDT, "a reorganisation could take it back"
    await house.finalize()
    house.restart()
    await house.finalize()
    assert await held(house) == 720 * USDT
    assert (await house.followed.wallet(player)).cash == 20 * USDT
    assert (await house.told()).count("alert.came_from_cold") == 2
    await house.require_balanced()


async def test_a_return_that_a_reorganisation_takes_back_is_booked_nowhere(
    house: EvmHouse,
) -> None:
    cold = await in_cold_storage(house)
    await house.finalize()
    await cold.pay_tokens(house.hot.raw, 50 * USDT)
    await house.world.node.mine()
    await house.followed.step()
    await house.world.node.rollback(2)
    await house.world.node.drop_waiting()
    await house.world.node.mine(3)
    await house.finalize()
    assert await held(house) == 800 * USDT
    await house.require_balanced()


async def test_people_book_what_another_wallet_of_cold_storage_sent(house: EvmHouse) -> None:
    """The audit shows a drift until somebody says what the coins are."""
    await in_cold_storage(house)
    await house.world.person.pay_tokens(house.hot.raw, 60 * USDT)
    sent = await house.world.person.pay_tokens(house.hot.raw, 70 * USDT)
    await house.finalize()
    await house.audit.step()
    async with house.database.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail=USDT_ETH)
        owner = await people.find_member(session, telegram_id=1)
    assert view.drift_units == 130 * USDT
    assert owner is not None
    async with house.database.transaction() as session:
        _other, first, _capital = await deposits.list_unclaimed(session)
        assert (first.units, first.reason) == (60 * USDT, "at_hot_wallet")
        await treasury.adopt_unclaimed(
            session, unclaimed_id=first.id, actor="staff:1", now=utc_now()
        )
        booked = await cold_returns.book(
            session, rail=USDT_ETH, tx_hash=sent.tx_hash, member=owner, now=utc_now()
        )
    assert booked == 70 * USDT
    assert await held(house) == 730 * USDT
    with pytest.raises(NotFound):
        async with house.database.transaction() as session:
            await cold_returns.book(
                session, rail=USDT_ETH, tx_hash=sent.tx_hash, member=owner, now=utc_now()
            )
    await house.finalize()
    await house.audit.step()
    async with house.database.transaction() as session:
        assert (await treasury.hot_wallet_view(session, rail=USDT_ETH)).drift_units == 0


async def test_what_a_player_sent_to_the_wallet_that_paid_him_is_given_to_him(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(20 * USDT)
    await house.world.person.pay_tokens(house.hot.raw, 60 * USDT)
    await house.finalize()
    assert (await house.followed.wallet(player)).cash == 20 * USDT
    async with house.database.transaction() as session:
        came, _capital = await deposits.list_unclaimed(session)
        await unclaimed.write_note(
            session, unclaimed_id=came.id, note="his, he says", actor="staff:1", now=utc_now()
        )
    for again in (False, True):
        with pytest.raises(IllegalMove) if again else nullcontext():
            async with house.database.transaction() as session:
                await deposits.resolve_unclaimed(
                    session,
                    unclaimed_id=came.id,
                    player_id=player,
                    actor="staff:1",
                    now=utc_now(),
                )
    assert (await house.followed.wallet(player)).cash == 80 * USDT
    await house.finalize()
    await house.audit.step()
    async with house.database.transaction() as session:
        assert (await treasury.hot_wallet_view(session, rail=USDT_ETH)).drift_units == 0
