"""What staff have to settle, made on purpose: foreign sends, payments with another amount."""

from casino.cashier import foreign_sends, unclear_payments
from casino.cashier.foreign_sends import PAID, SentPayment
from casino.cashier.unclear_payments import Landed
from casino.clock import utc_now
from tests.admin_bot.office import OWNER, Clerk, Office
from tests.casino.cashier import cashbox
from tests.casino.cashier.cashbox import HOT_WALLET, TON

TX = "ab" * 32
NET = 10 * TON - 50_000_000


async def left(office: Office, *paid: SentPayment, tx_hash: str = TX) -> None:
    async with office.database.transaction() as session:
        await foreign_sends.note(
            session,
            rail="ton",
            account=HOT_WALLET,
            tx_hash=tx_hash,
            evidence={PAID: [one.as_evidence() for one in paid]},
            now=utc_now(),
        )
    await office.settle()


async def asked(office: Office, units: int = 10 * TON) -> int:
    player_id = await cashbox.rich_player(office.database, 2000 * TON)
    await office.scalar(
        "UPDATE players SET kyc_level = 2 WHERE id = :id RETURNING id", id=player_id
    )
    found = await cashbox.ask(office.database, player_id, units)
    await office.settle()
    return found.id


async def open_send(clerk: Clerk, payment: str = "→") -> None:
    """The newest foreign send, and its first payment."""
    await clerk.say("/menu")
    menu = await clerk.last()
    listed = await clerk.tap(next(one for one in menu.labels if "Left without us" in one))
    card = await clerk.tap(listed.labels[0])
    await clerk.tap(next(one for one in card.labels if payment in one))


async def unclear(office: Office, *, arrived: int, left_units: int = NET) -> int:
    withdrawal = await asked(office)
    await cashbox.approve(office.database, withdrawal, office.members[OWNER])
    payout = await cashbox.signed_payout(office.database)
    async with office.database.transaction() as session:
        await unclear_payments.note(
            session,
            payout_id=payout.id,
            rail="ton",
            withdrawal_id=withdrawal,
            wanted_units=NET,
            landed=Landed("hash", 77, arrived, left_units),
            now=utc_now(),
        )
    await office.settle()
    return withdrawal
