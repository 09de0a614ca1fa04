"""The first day of a sandbox: coins for the house and its people, rates, a bankroll, staff."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from casino import rates
from casino.cashier import deposits, payouts, treasury
from casino.cashier.rails import change_rail, get_rail
from casino.clock import utc_now
from casino.errors import NotFound
from casino.ledger import totals
from casino.money import Asset
from casino.staff import people
from casino.staff.roles import Role
from payments.addresses import parse_ton
from payments.chains.base import Position
from payments.chains.ton import TonChain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casino.db import Database
    from payments.rpc import Toncenter
    from sandbox.ton.chain import LocalChain

TON = 10**9
USDT = 10**6
HOUSE_COINS = 100_000 * TON
HOUSE_DOLLARS = 250_000 * USDT
PERSON_COINS = 1_000 * TON
PAGE = 100

# Reference micro-units for one asset unit: 3.00 EUR for a TON, 0.90 EUR for a dollar.
RATES = {Asset.TON: (3_000_000, TON), Asset.USDT: (900_000, USDT)}


async def quote_rates(database: Database) -> None:
    """Quote the sandbox's fixed rates anew, so that they are never stale."""
    async with database.transaction() as session:
        for asset, (numerator, denominator) in RATES.items():
            await rates.quote(
                session,
                asset=asset,
                numerator=numerator,
                denominator=denominator,
                now=utc_now(),
            )


async def point_explorer(database: Database, chain: LocalChain) -> None:
    """Let "see it on chain" lead to this chain: a public explorer knows nothing of it."""
    url = f"{chain.url}/api/v3/transactions?hash={{tx_hash}}"
    async with database.transaction() as session:
        rail = await get_rail(session, "ton")
        if rail.explorer_tx_url != url:
            wanted = replace(rail, explorer_tx_url=url)
            await change_rail(session, rail=wanted, actor="system", now=utc_now())


async def fund_people(chain: LocalChain, addresses: Iterable[str]) -> None:
    """Give each person coins, once: a wallet that has any is left alone."""
    for address in addresses:
        if not await chain.balance(address):
            await chain.faucet(address, PERSON_COINS)


async def fund_house(database: Database, chain: LocalChain, rpc: Toncenter) -> None:
    """Fill the hot wallet and book what arrived as the owner's capital, once.

    What the chain says came in is what is booked; the watcher goes on from there.
    """
    async with database.transaction() as session:
        address = (await get_rail(session, "ton")).address
        if address is None:
            raise NotFound(thing="hot wallet", key="ton")
        account = parse_ton(address, testnet=True).raw
        cursor = await deposits.read_cursor(session, chain="ton", account=account)
    if cursor.lt:
        return
    if not await chain.balance(account):
        await chain.faucet(account, HOUSE_COINS)
    adapter = TonChain(rpc)
    head = await adapter.head()
    while not (
        page := await adapter.page(account, after=Position(), head=head, limit=PAGE)
    ).transfers:
        await chain.mine()
        head = await adapter.head()
    now = utc_now()
    async with database.transaction() as session:
        for transfer in page.transfers:
            await treasury.fund_house(
                session,
                rail="ton",
                units=transfer.units,
                reference=transfer.business_key,
                now=now,
            )
        for fee in page.fees:
            await payouts.book_network_fee(
                session, rail="ton", units=fee.units, reference=fee.reference, now=now
            )
        await deposits.advance_cursor(
            session,
            chain="ton",
            account=account,
            lt=page.position.lt,
            tx_hash=page.position.tx_hash,
            block=head.block,
            now=now,
        )
        await treasury.fund_house(
            session, rail="usdt_faucet", units=HOUSE_DOLLARS, reference="first-day", now=now
        )


async def count_bankroll(database: Database) -> None:
    """Roll the house's balances up, so that the first bet finds the bankroll counted.

    Nothing else writes yet, so there is no running transaction to stay behind.
    """
    async with database.transaction() as session:
        await totals.roll_up(session, upto=utc_now())


async def hire(database: Database, *, owner: int, payments: int) -> None:
    """Make the owner an owner and the payments operator his colleague, by Telegram id."""
    async with database.transaction() as session:
        await people.ensure_owners(session, telegram_ids=[owner], now=utc_now())
    async with database.transaction() as session:
        if await people.find_member(session, telegram_id=payments) is not None:
            return
        boss = await people.find_member(session, telegram_id=owner)
        if boss is None:
            raise NotFound(thing="owner", key=owner)
        await people.add_member(
            session,
            telegram_id=payments,
            name="Pavel",
            roles=frozenset({Role.PAYMENTS, Role.KYC, Role.SUPPORT}),
            actor=boss,
            now=utc_now(),
        )
