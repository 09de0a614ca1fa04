"""Transfers of nothing: whoever sends them, no rail's history ever shows them or their sender."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino.cashier import (
    address_pool,
    blocks,
    deposits,
    following,
    history,
    rails,
    saved_addresses,
    tags,
)
from casino.cashier.address_pool import PoolAddress
from casino.cashier.blocks import Block
from casino.cashier.following import Stretch
from casino.cashier.rails import DEFAULTS, DepositsBy, Rail
from casino.cashier.unclaimed import ChainDeposit
from casino.db import Database
from casino.errors import BadAmount
from casino.money import Asset
from tests.casino.cashier.cashbox import NOW, TON, make_player, tag_of, transfer

POISONER = "0xlooks-like-a-friend"
BEGIN = Block(height=10, hash="10", parent="9", at=NOW)
NEXT = Block(height=11, hash="11", parent="10", at=NOW + timedelta(seconds=1))

BY_TAG = replace(DEFAULTS[0], name="usdt_ton", asset=Asset.USDT, address="UQhot")
BY_ADDRESS = replace(
    DEFAULTS[1], name="btc", asset=Asset.BTC, chain="bitcoin", deposits_by=DepositsBy.ADDRESS
)
OFFERED = {rail.name: rail for rail in (*DEFAULTS, BY_TAG, BY_ADDRESS)}
TAGGED = ("ton", "usdt_ton")
ADDRESSED = ("usdt_eth", "btc")


@pytest.fixture(autouse=True)
def four_rails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rails, "DEFAULTS", tuple(OFFERED.values()))


def poison(account: str, *, comment: str | None, block: Block) -> ChainDeposit:
    return ChainDeposit(
        business_key=f"{block.hash}:0",
        tx_hash="0xpoison",
        account=account,
        sender=POISONER,
        comment=comment,
        units=0,
        block=block.height,
        block_hash=block.hash,
        at=block.at,
    )


async def observe(house: Database, rail: str, seen: ChainDeposit) -> None:
    async with house.transaction() as session:
        await deposits.observe(session, rail=rail, transfers=[seen], now=NOW)


async def book(house: Database, rail: Rail, seen: ChainDeposit) -> None:
    async with house.transaction() as session:
        await following.book(
            session,
            chain=rail.chain,
            rail=rail.name,
            stretch=Stretch(
                top_hash=BEGIN.hash,
                ancestor=BEGIN,
                above=[NEXT],
                transfers=[seen],
                final_height=NEXT.height,
            ),
            now=NOW,
        )


async def shows_nothing(house: Database, player: int) -> None:
    async with house.transaction() as session:
        assert await history.list_movements(session, player_id=player) == []
        assert await deposits.list_unclaimed(session) == []
        for rail in OFFERED:
            assert not await saved_addresses.list_paid(session, player_id=player, rail=rail)


@pytest.mark.parametrize("rail", TAGGED)
async def test_a_transfer_of_nothing_with_a_players_own_tag(house: Database, rail: str) -> None:
    player = await make_player(house)
    tag = tags.make(7)
    async with house.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO deposit_tags (tag, player_id, rail, created_at)"
                " VALUES (:tag, :player, :rail, :at)"
            ),
            {"tag": tag, "player": player, "rail": rail, "at": NOW},
        )
    for comment in (tag, None, "hello"):
        with pytest.raises(BadAmount):
            await observe(house, rail, poison("UQhot", comment=comment, block=NEXT))
    await shows_nothing(house, player)


@pytest.mark.parametrize("rail", ADDRESSED)
async def test_a_transfer_of_nothing_to_a_players_own_address(house: Database, rail: str) -> None:
    player, offered = await make_player(house), OFFERED[rail]
    async with house.transaction() as session:
        await address_pool.add(
            session,
            rail=rail,
            addresses=[PoolAddress(number, f"a{number}", f"A{number}") for number in range(2)],
            now=NOW,
        )
        his = await address_pool.assign(session, rail=rail, player_id=player, now=NOW)
        await blocks.begin(session, chain=offered.chain, first=BEGIN, now=NOW)
    for account in (his.address, "a1"):
        with pytest.raises(BadAmount):
            await book(house, offered, poison(account, comment=None, block=NEXT))
    await shows_nothing(house, player)


async def test_even_a_real_transfer_offers_its_sender_to_nobody(house: Database) -> None:
    player = await make_player(house)
    dust = replace(transfer(TON, await tag_of(house, player)), sender=POISONER)
    await observe(house, "ton", dust)
    async with house.transaction() as session:
        (shown,) = await history.list_movements(session, player_id=player)
        assert POISONER not in str(shown)
        for rail in OFFERED:
            assert not await saved_addresses.list_paid(session, player_id=player, rail=rail)
            assert not await saved_addresses.list_saved(session, player_id=player, rail=rail)
