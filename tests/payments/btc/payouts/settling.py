"""What the owner says of transactions that left without a payout, and of payments that died."""

from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import foreign_payments, foreign_sends, recovery, withdrawals
from casino.clock import utc_now
from casino.staff import people
from casino.staff.people import Member
from tests.payments.btc.payouts.house import PayingHouse


async def owner_of(session: AsyncSession) -> Member:
    owner = await people.find_member(session, telegram_id=1)
    assert owner is not None
    return owner


async def lose(house: PayingHouse, txid: str) -> None:
    """The owner says that it paid nobody of ours."""
    async with house.database.transaction() as session:
        await foreign_payments.book_loss(
            session,
            account=house.book.hot_wallet,
            tx_hash=txid,
            member=await owner_of(session),
            reason="stolen",
            now=utc_now(),
        )


async def went_to_cold(house: PayingHouse, txid: str) -> None:
    """The owner says that its one payment was a move to cold storage."""
    async with house.database.transaction() as session:
        await foreign_payments.book_cold(
            session,
            account=house.book.hot_wallet,
            tx_hash=txid,
            position=0,
            member=await owner_of(session),
            now=utc_now(),
        )


async def paid_by(house: PayingHouse, txid: str, withdrawal: int) -> None:
    """The owner says that it paid this withdrawal."""
    async with house.database.transaction() as session:
        send = await foreign_sends.find(session, mark=txid)
        wanted = (await withdrawals.get(session, withdrawal_id=withdrawal)).destination
        (position,) = [at for at, one in enumerate(send.payments) if one.to == wanted]
        assert await foreign_payments.book_withdrawal(
            session,
            account=send.account,
            tx_hash=txid,
            position=position,
            withdrawal_id=withdrawal,
            member=await owner_of(session),
            now=utc_now(),
        )


async def send_again(house: PayingHouse, withdrawal: int) -> None:
    """The owner says that a dead payment shall be made once more."""
    async with house.database.transaction() as session:
        actor = f"staff:{(await owner_of(session)).id}"
        await recovery.reassign(session, withdrawal_id=withdrawal, actor=actor, now=utc_now())


async def give_back(house: PayingHouse, withdrawal: int) -> None:
    """The owner says that the player shall have the money of a dead payment back."""
    async with house.database.transaction() as session:
        await recovery.refund(
            session,
            withdrawal_id=withdrawal,
            member=await owner_of(session),
            reason="sent another amount",
            now=utc_now(),
        )
