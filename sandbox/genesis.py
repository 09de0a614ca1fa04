"""The terms of a sandbox: rates, what its rails offer, a counted bankroll, staff."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from casino import rates
from casino.cashier.rails import BTC as BTC_RAIL
from casino.cashier.rails import DEFAULTS, FAUCET, USDT_ETH, Tier, change_rail, list_rails
from casino.clock import utc_now
from casino.errors import NotFound
from casino.ledger import totals
from casino.money import Asset
from casino.staff import people
from casino.staff.roles import Role

if TYPE_CHECKING:
    from casino.db import Database

TON, USDT, BTC, ETH = (
    10**asset.decimals for asset in (Asset.TON, Asset.USDT, Asset.BTC, Asset.ETH)
)

# Reference micro-units for one asset unit: 3.00 EUR for a TON, 0.90 for a dollar, 60,000 for a
# bitcoin, 3,000 for an ether.
RATES = {
    Asset.TON: (3_000_000, TON),
    Asset.USDT: (900_000, USDT),
    Asset.BTC: (60_000_000_000, BTC),
    Asset.ETH: (3_000_000_000, ETH),
}
# Fewer blocks than where they cost something to undo. The last tier of Bitcoin is its finality.
FEW_BLOCKS = "cashier.confirmations.few_blocks"
TIERS = {
    USDT_ETH: (Tier(units=1_000 * USDT, confirmations=3),),
    BTC_RAIL: (
        Tier(units=BTC // 10, confirmations=2),
        Tier(units=21_000_000 * BTC, confirmations=6),
    ),
}


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


async def offer_rails(database: Database, *, explorer: str) -> None:
    """Make deposits playable after a few quick blocks unless the owner wants it otherwise, let "see
    it on chain" lead to the pages below `explorer` (public ones know nothing of these chains), and
    close the rail of play dollars: the chains here have real ones."""
    usual = {rail.name: rail.tiers for rail in DEFAULTS}
    async with database.transaction() as session:
        for rail in await list_rails(session):
            wanted = replace(rail, explorer_tx_url=f"{explorer}{rail.chain}/{{tx_hash}}")
            if rail.name == FAUCET:
                wanted = replace(rail, deposits_enabled=False)
            elif rail.tiers == usual[rail.name]:
                wanted = replace(wanted, tiers=TIERS.get(rail.name, ()))
                if rail.name in TIERS:
                    wanted = replace(wanted, confirmations_text_key=FEW_BLOCKS)
            if wanted != rail:
                await change_rail(session, rail=wanted, actor="system", now=utc_now())


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
