"""Reads one of our accounts page by page and books each page, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from casino.cashier import (
    address_pool,
    attempts,
    chain_accounts,
    claiming,
    cold_storage,
    deposits,
    foreign_payments,
    foreign_sends,
    payouts,
    recovery,
    token_cases,
)
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.rails import TON, get_rail, list_rails
from casino.cashier.unclaimed import ChainDeposit
from casino.clock import utc_now
from casino.errors import AddressInvalid, InvariantViolation
from payments.addresses import parse_ton
from payments.chains.base import Position
from payments.reading_ahead import ReadingAhead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.db import Database
    from payments.chains.base import Carrier, Chain, ChainHead, Page

PAGE_TRANSACTIONS = 100

log = structlog.get_logger(__name__)


async def read_account(
    database: Database, chain: Chain, *, rail: str, address: str, account: str, head: ChainHead
) -> None:
    """Book everything up to `head` of `account`, which holds what is sent to `address` (both raw).
    Of a page nothing is booked unless all of it is; what left without us is noted before."""
    ahead: ReadingAhead[Page] = ReadingAhead()
    try:
        while await _read_page(
            database, chain, ahead, rail=rail, address=address, account=account, head=head
        ):
            pass
    finally:
        await ahead.stop()


async def _read_page(
    database: Database,
    chain: Chain,
    ahead: ReadingAhead[Page],
    *,
    rail: str,
    address: str,
    account: str,
    head: ChainHead,
) -> bool:
    """Book the next page; True if there is more, which is then being read."""
    async with database.transaction() as session:
        cursor = await deposits.read_cursor(session, chain=chain.name, account=account)
    if head.block < cursor.block:
        log.warning("watcher.head_behind_cursor", head=head.block, cursor=cursor.block)
        return False
    before = Position(cursor.lt, cursor.tx_hash)
    page = await ahead.take(_name(before)) or await chain.page(
        account, after=before, head=head, limit=PAGE_TRANSACTIONS
    )
    # Further pages may hold more of the same blocks: the cursor names the head at the end only.
    block = cursor.block if page.more else head.block
    if page.position == before and block == cursor.block:
        return False
    if page.more:
        following = chain.page(account, after=page.position, head=head, limit=PAGE_TRANSACTIONS)
        ahead.begin(_name(page.position), following)
    if page.carriers:
        # Of its own: whom it doubts and whom the page credits would be locked one after another.
        async with database.transaction() as session:
            await _note_foreign(session, rail, address, page.carriers)
    async with database.transaction() as session:
        await _book(session, rail, address, page, head)
        await deposits.advance_cursor(
            session,
            chain=chain.name,
            account=account,
            lt=page.position.lt,
            tx_hash=page.position.tx_hash,
            block=block,
            now=utc_now(),
        )
    if page.transfers:
        log.info("deposits.read", rail=rail, transfers=len(page.transfers), block=head.block)
    return page.more


def _name(position: Position) -> str:
    return f"{position.lt}:{position.tx_hash}"


async def _book(
    session: AsyncSession, rail: str, address: str, page: Page, head: ChainHead
) -> None:
    now = utc_now()
    offered = await get_rail(session, rail)
    own = await _moved_within(session, offered, page)
    cold = {
        parse_ton(one, testnet=True).raw for one in await cold_storage.addresses(session, rail=rail)
    }
    seen = [
        ChainDeposit(
            business_key=transfer.business_key,
            tx_hash=transfer.tx_hash,
            account=transfer.account,
            sender=transfer.sender,
            comment=transfer.comment,
            units=transfer.units,
            block=transfer.block,
            at=transfer.at,
            address=address,
            from_cold=transfer.sender in cold,
        )
        for transfer in page.transfers
        if transfer.business_key not in own
    ]
    if seen:
        await deposits.observe(session, rail=rail, transfers=seen, now=now)
        await deposits.confirm(session, rail=rail, final_block=head.block, now=now)
    # After the deposits, which lock players: this one locks the chain's cases.
    await token_cases.keep(
        session, chain=offered.chain, rail=offered, transfers=page.strangers, now=now
    )
    # Last of all: whoever holds a player may be waiting for the house.
    for fee in page.fees:
        if fee.asset is not offered.asset:
            raise InvariantViolation(
                reason="a cost in coins that the rail does not hold", rail=rail
            )
        await payouts.book_network_fee(
            session, rail=rail, units=fee.units, reference=fee.reference, now=now
        )


async def _moved_within(session: AsyncSession, offered: Rail, page: Page) -> frozenset[str]:
    """Transfers between accounts of the rail's own, by their keys: sweeps of deposit addresses,
    which send to nobody else, and fuel for them. They are nobody's deposit."""
    senders = {transfer.sender for transfer in page.transfers}
    swept = await address_pool.among(session, rail=offered.pool, addresses=senders)
    hot = parse_ton(offered.address, testnet=True).raw if offered.address else None
    return frozenset(
        transfer.business_key
        for transfer in page.transfers
        if transfer.sender in swept or (transfer.fuel and transfer.sender == hot)
    )


async def _note_foreign(
    session: AsyncSession, rail: str, address: str, carriers: Sequence[Carrier]
) -> None:
    """Write down what left the account under bytes that no payout of ours has: somebody else has
    the key, a person used it by hand, or this database is older than the chain. Once; whom it paid
    is in doubt in the same transaction."""
    now, offered = utc_now(), await get_rail(session, rail)
    known = await attempts.known(session, tx_hashes=[one.message_hash for one in carriers])
    hot = offered.address
    account = hot if hot and parse_ton(hot, testnet=True).raw == address else address
    doubted: list[SentPayment] = []
    for one in carriers:
        if one.message_hash in known:
            continue
        log.error("watcher.foreign_send", rail=offered.name, tx_hash=one.tx_hash)
        paid = await _payments(session, account, address, one)
        new = await foreign_sends.note(
            session,
            rail=offered.name,
            account=account,
            tx_hash=one.tx_hash,
            evidence={
                "message": one.message_hash,
                "at": one.at.isoformat(),
                foreign_sends.PAID: [payment.as_evidence() for payment in paid],
            },
            now=now,
        )
        if one.number is not None:
            await claiming.skip_number(session, account, one.number)
        doubted += paid if new else ()
    await _doubt_paid(session, doubted, now)


async def _payments(
    session: AsyncSession, account: str, address: str, carrier: Carrier
) -> Sequence[SentPayment]:
    """Whom a carrier paid, in the words of the cashier: coins of the account at `address`, or
    jettons that a jetton wallet holds for it, as the master once said."""
    rails = {"": TON}
    for rail in await list_rails(session):
        if rail.address == account and rail.name != TON:
            located = await chain_accounts.read_located(session, chain=rail.name)
            rails[located.get(address, "nowhere")] = rail.name
    return [
        SentPayment(rails.get(sent.through), _canonical(sent.to), sent.units)
        for sent in carrier.sends
    ]


def _canonical(text: str) -> str:
    """An account as withdrawals name it, whatever the form."""
    try:
        return parse_ton(text, testnet=True).friendly()
    except AddressInvalid:
        return text


async def _doubt_paid(session: AsyncSession, paid: Sequence[SentPayment], now: datetime) -> None:
    """Whom it paid may have been waiting for just that: staff decide about him again, once they
    know what it was."""
    fitting = {
        one.id: one
        for payment in dict.fromkeys(paid)
        for one in await foreign_payments.candidates(session, paid=payment)
    }
    await recovery.doubt_all(session, withdrawals=fitting.values(), now=now)
