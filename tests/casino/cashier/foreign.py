"""Something that left without us, as tests note and explain it, and payouts that die."""

from collections.abc import Mapping

from casino.cashier import acknowledging, foreign_sends, payouts
from casino.cashier.foreign_sends import PAID, SentPayment
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.staff.people import Member
from tests.casino.cashier.cashbox import HOT_WALLET, NOW, signed_payout

TX = "ab" * 32


async def left(
    db: Database,
    *paid: SentPayment,
    tx_hash: str = TX,
    evidence: Mapping[str, object] | None = None,
    rail: str = "ton",
    account: str = HOT_WALLET,
) -> None:
    """It is noted, with whom it paid or, given other evidence, without."""
    seen = {PAID: [one.as_evidence() for one in paid]} if evidence is None else evidence
    async with db.transaction() as session:
        await foreign_sends.note(
            session, rail=rail, account=account, tx_hash=tx_hash, evidence=seen, now=NOW
        )


def payment_of(withdrawal: Withdrawal) -> SentPayment:
    return SentPayment("ton", withdrawal.destination, withdrawal.net_units)


async def explain(
    db: Database, member: Member, tx_hash: str = TX, *, account: str = HOT_WALLET
) -> None:
    async with db.transaction() as session:
        await acknowledging.acknowledge(
            session, account=account, tx_hash=tx_hash, member=member, note="backup", now=NOW
        )


async def dies(db: Database, withdrawal_id: int) -> None:
    """Its payout is proven dead."""
    payout = await signed_payout(db)
    async with db.transaction() as session:
        await payouts.member_dead(
            session, payout_id=payout.id, withdrawal_id=withdrawal_id, proof="expired", now=NOW
        )
