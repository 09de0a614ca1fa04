"""Tokens that the house does not take: cases, caps, decisions."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from casino import audit
from casino.cashier import chain_accounts, token_cases
from casino.cashier.rails import get_rail
from casino.cashier.strangers import StrangeTransfer
from casino.cashier.token_cases import CASES_A_DAY, CASES_A_DAY_OF_TOKEN
from casino.db import Database
from casino.errors import IdempotencyConflict, IllegalMove, NotFound
from casino.ledger.chart import hot_wallet
from tests.casino.cashier.cashbox import NOW, make_player, sent, tag_of


def strange(number: int, *, token: str = "0:aa", **given: object) -> StrangeTransfer:
    plain = StrangeTransfer(
        business_key=f"account:{number}",
        token=token,
        vouched=True,
        account="0:account",
        units=5,
        tx_hash=f"hash{number}",
        sender="0:sender",
        comment=None,
        block=number,
        at=NOW,
    )
    return replace(plain, **given)


async def keep(
    db: Database, *transfers: StrangeTransfer, now: object = NOW, chain: str = "ton"
) -> int:
    async with db.transaction() as session:
        rail = await get_rail(session, "ton")
        return await token_cases.keep(
            session,
            chain=chain,
            rail=rail,
            transfers=transfers,
            now=now,  # type: ignore[arg-type]
        )


async def test_a_case_keeps_its_evidence_and_names_the_player(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    one = strange(1, units=2**256 - 1, comment=f" {tag.lower()}\0 ", vouched=False)
    two = strange(2, units=None, comment="x" * 5000)
    assert await keep(house, one, two) == 2
    assert await keep(house, one, two) == 0, "seen again"
    async with house.transaction() as session:
        second, first = await token_cases.list_open(session)
        assert await token_cases.get(session, case_id=first.id) == first
    assert (first.units, first.vouched, first.player_id) == (2**256 - 1, False, None)
    assert (second.units, second.player_id) == (None, None)
    assert second.comment is not None
    assert len(second.comment) == 1000
    assert await keep(house, strange(3, comment=f" {tag.lower()} ")) == 1
    async with house.transaction() as session:
        newest, *_ = await token_cases.list_open(session, limit=1)
    assert newest.player_id == player
    assert await sent(house, "staff", first.id) == ["token_case.opened"]


async def test_nothing_is_no_case(house: Database) -> None:
    assert await keep(house, strange(1, units=0)) == 0
    async with house.transaction() as session:
        assert await token_cases.list_open(session) == []
        assert await token_cases.floods(session, since=NOW.date()) == []


async def test_a_token_fills_no_day_and_a_day_has_an_end(house: Database) -> None:
    spam = [strange(number, token="0:spam") for number in range(20)]
    assert await keep(house, *spam) == CASES_A_DAY_OF_TOKEN
    many = [strange(100 + number, token=f"0:{number:x}") for number in range(CASES_A_DAY)]
    assert await keep(house, *many) == CASES_A_DAY - CASES_A_DAY_OF_TOKEN
    assert await keep(house, strange(500, token="0:late")) == 0
    assert await keep(house, strange(501), chain="ethereum") == 1, "another chain's day"
    async with house.transaction() as session:
        assert len(await token_cases.list_open(session, limit=200)) == CASES_A_DAY + 1
        (flood,) = await token_cases.floods(session, since=NOW.date())
    assert (flood.chain, flood.beyond) == ("ton", 15 + CASES_A_DAY_OF_TOKEN + 1)
    assert await sent(house, "staff", 0) == ["alert.token_flood"]
    tomorrow = NOW + timedelta(days=1)
    assert await keep(house, strange(500, token="0:late"), now=tomorrow) == 1
    assert await sent(house, "staff", 0) == ["alert.token_flood"], "once a day"


async def test_caps_hold_for_keepers_at_the_same_moment(house: Database) -> None:
    opened = await asyncio.gather(
        *(keep(house, *(strange(10 * one + n) for n in range(4))) for one in range(3))
    )
    assert sum(opened) == CASES_A_DAY_OF_TOKEN


async def test_a_case_is_resolved_once_and_audited(house: Database) -> None:
    await keep(house, strange(1))
    async with house.transaction() as session:
        (case,) = await token_cases.list_open(session)
    async with house.transaction() as session:
        done = await token_cases.resolve(
            session, case_id=case.id, note="sent back", actor="staff:1", now=NOW
        )
    assert (done.status, done.note) == ("resolved", "sent back")
    async with house.transaction() as session:
        assert await token_cases.list_open(session) == []
        (line,) = await audit.search(session, subject=f"token_case:{case.id}")
        assert (line.action, line.actor) == ("token_case.resolved", "staff:1")
        with pytest.raises(IllegalMove):
            await token_cases.resolve(
                session, case_id=case.id, note="again", actor="staff:2", now=NOW
            )
        with pytest.raises(NotFound):
            await token_cases.resolve(session, case_id=1, note="x", actor="staff:1", now=NOW)
    assert await keep(house, strange(1)) == 0, "decided is decided"


async def test_an_owner_never_gets_another_account(house: Database) -> None:
    for _ in range(2):
        async with house.transaction() as session:
            await chain_accounts.remember(session, chain="c", found={"one": "a"}, now=NOW)
    async with house.transaction() as session:
        assert await chain_accounts.read_located(session, chain="c") == {"one": "a"}
        with pytest.raises(IdempotencyConflict):
            await chain_accounts.remember(session, chain="c", found={"one": "b"}, now=NOW)


async def test_staff_hear_of_what_freezes_and_thaws(house: Database) -> None:
    async def note(*frozen: str, alive: tuple[str, ...] = ()) -> bool:
        async with house.transaction() as session:
            return await chain_accounts.note_frozen(
                session, chain="c", rail="usdt_ton", frozen=frozen, alive=alive, now=NOW
            )

    async with house.transaction() as session:
        found = {"one": "a", "two": "b"}
        await chain_accounts.remember(session, chain="c", found=found, now=NOW)
    assert [await note("a"), await note("a"), await note("a", "b")] == [True, False, True]
    assert await note() is False, "not heard of is not thawed"
    assert await note("b", alive=("a",)) is True
    assert await sent(house, "staff", hot_wallet("usdt_ton")) == [
        "alert.accounts_frozen",
        "alert.accounts_frozen",
        "alert.accounts_thawed",
    ]
