"""Players with money, staff, and chain transfers for the tests of the cashier."""

import itertools
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from casino import rates
from casino.cashier import (
    addresses,
    claiming,
    deposits,
    rails,
    saved_addresses,
    signing,
    treasury,
    withdrawals,
)
from casino.cashier.batches import Payout
from casino.cashier.deposits import ChainDeposit
from casino.cashier.saved_addresses import SavedAddress
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.ids import PlayerId
from casino.ledger import journal, reconcile
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.players import identity
from casino.staff import orders, people
from casino.staff.people import Member
from casino.staff.roles import Role
from tests import factories

NOW = datetime.now(UTC)
TON = 10**9
HOT_WALLET = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHOT"
DESTINATION = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADST"
KEY_SEED = bytes(range(32))
EUR = 10**6

_numbers = itertools.count(1)


async def open_house(db: Database) -> None:
    """Rates (1 TON is 3 EUR, 1 USDT 0.9 EUR) and a hot wallet."""
    async with db.transaction() as session:
        await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=NOW)
        await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=NOW)
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=NOW)


async def make_player(db: Database, *, consented: bool = True, at: datetime = NOW) -> int:
    async with db.transaction() as session:
        player = await identity.find_or_create(
            session,
            telegram_id=5000 + next(_numbers),
            first_name="Ann",
            username=None,
            language_code="en",
            start_payload=None,
            now=at,
        )
        if consented:
            await identity.accept_terms(
                session,
                player_id=player.id,
                terms_version=identity.TERMS_VERSION,
                of_age=True,
                language="en",
                now=at,
            )
    return player.id


async def make_member(db: Database, *roles: Role) -> Member:
    async with db.transaction() as session:
        (owner,) = await people.ensure_owners(
            session, telegram_ids=[9000 + next(_numbers)], now=NOW
        )
        return await people.set_roles(
            session, member_id=owner.id, roles=[Role.OWNER, *roles], actor=owner, now=NOW
        )


async def make_clerk(db: Database, owner: Member, role: Role) -> Member:
    async with db.transaction() as session:
        return await people.add_member(
            session,
            telegram_id=9000 + next(_numbers),
            name="Clerk",
            roles=[role],
            actor=owner,
            now=NOW,
        )


async def tag_of(db: Database, player_id: int) -> str:
    async with db.transaction() as session:
        found = await addresses.deposit_instruction(
            session, player_id=player_id, rail="ton", now=NOW
        )
    return found.tag


def transfer(
    units: int, comment: str | None, *, key: str | None = None, block: int = 10
) -> ChainDeposit:
    key = key or f"{HOT_WALLET}:{next(_numbers)}"
    return ChainDeposit(
        business_key=key,
        tx_hash=f"tx-{key}",
        account=HOT_WALLET,
        sender="UQsender",
        comment=comment,
        units=units,
        block=block,
        at=NOW,
    )


async def arrive(
    db: Database, *transfers: ChainDeposit, final_block: int = 1_000_000, now: datetime = NOW
) -> deposits.Observed:
    """A page of the watcher, in one transaction as it does it."""
    async with db.transaction() as session:
        observed = await deposits.observe(session, rail="ton", transfers=transfers, now=now)
        await deposits.confirm(session, rail="ton", final_block=final_block, now=now)
    return observed


async def rich_player(db: Database, units: int = 100 * TON, *, at: datetime = NOW) -> int:
    player_id = await make_player(db, at=at)
    await arrive(db, transfer(units, await tag_of(db, player_id)))
    return player_id


async def wallet(db: Database, player_id: int, asset: Asset = Asset.TON) -> Wallet:
    async with db.transaction() as session:
        found = await journal.balances(session, PlayerId(player_id))
    return found.get(asset, Wallet(asset))


async def ask(
    db: Database,
    player_id: int,
    units: int = 10 * TON,
    *,
    reference: str | None = None,
    destination: str = DESTINATION,
    memo: str = "",
    now: datetime = NOW,
) -> Withdrawal:
    async with db.transaction() as session:
        return await factories.ask_withdrawal(
            session,
            player_id=player_id,
            rail="ton",
            units=units,
            destination=destination,
            memo=memo,
            reference=reference or f"reference-{next(_numbers)}",
            now=now,
        )


async def approve(
    db: Database, withdrawal_id: int, member: Member, now: datetime = NOW
) -> withdrawals.Approval:
    async with db.transaction() as session:
        return await withdrawals.approve(
            session,
            withdrawal_id=withdrawal_id,
            member=member,
            sign=lambda order: orders.sign(order, key_seed=KEY_SEED),
            now=now,
        )


async def claim(
    db: Database,
    *,
    available: int = 10_000 * TON,
    limit: int = 100,
    now: datetime = NOW,
    member_fee_units: int = 0,
) -> Payout | None:
    async with db.transaction() as session:
        return await claiming.claim(
            session,
            rail="ton",
            limit=limit,
            available_units=available,
            numbering=claiming.next_query_id,
            created_at=now - timedelta(seconds=30),
            expires_at=now - timedelta(seconds=30) + timedelta(hours=1),
            orders_until=now - timedelta(seconds=30) + timedelta(hours=1),
            now=now,
            member_fee_units=member_fee_units,
            plan={},
        )


async def signed_payout(db: Database, boc: bytes = b"signed bytes") -> Payout:
    """Claim what is approved and sign it."""
    payout = await claim(db)
    assert payout is not None
    async with db.transaction() as session:
        return await signing.store_signed(
            session, payout_id=payout.id, signed=boc, tx_hash="hash", now=NOW
        )


async def status_of(db: Database, withdrawal_id: int) -> str:
    async with db.transaction() as session:
        return (await withdrawals.get(session, withdrawal_id=withdrawal_id)).status


async def hot_units(db: Database) -> int:
    """What the book says is in the hot wallet."""
    async with db.transaction() as session:
        return (await treasury.hot_wallet_view(session, rail="ton")).book_units


async def save_address(
    db: Database,
    player: int,
    destination: str = DESTINATION,
    *,
    label: str = "My wallet",
    rail: str = "ton",
    now: datetime = NOW,
) -> SavedAddress:
    async with db.transaction() as session:
        return await saved_addresses.save(
            session, player_id=player, rail=rail, destination=destination, label=label, now=now
        )


async def sent(db: Database, consumer: str, key: int) -> list[str]:
    """Kinds written to the outbox for a consumer and a key, in order."""
    async with db.transaction() as session:
        found = await session.scalars(
            text("SELECT kind FROM outbox WHERE consumer = :consumer AND key = :key ORDER BY id"),
            {"consumer": consumer, "key": key},
        )
        return list(found)


async def moves(db: Database, withdrawal_id: int) -> list[str]:
    async with db.transaction() as session:
        found = await session.scalars(
            text("SELECT to_status FROM withdrawal_history WHERE withdrawal_id = :id ORDER BY id"),
            {"id": withdrawal_id},
        )
        return list(found)


async def assert_sound(db: Database) -> None:
    """The book proves itself, and no chain of locks or audit was broken on the way."""
    async with db.transaction() as session:
        report = await reconcile.reconcile(session)
    assert report.sound, report
