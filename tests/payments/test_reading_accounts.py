"""An account read page by page: the next page comes while one is booked, and never too early."""

import asyncio
from dataclasses import dataclass, field

import pytest

from casino.cashier import addresses, deposits, payouts, rails, withdrawals
from casino.clock import utc_now
from casino.db import Database, forbid_open_transaction
from casino.errors import OutsideUnavailable
from casino.ids import PlayerId
from casino.ledger import journal
from casino.money import Asset
from payments import reading
from payments.addresses import TonAddress
from payments.chains.base import (
    Carrier,
    ChainHead,
    ChainTransfer,
    NetworkFee,
    Page,
    Position,
    Sent,
)
from payments.reading import read_account
from tests.casino.cashier import cashbox
from tests.casino.players.races import overlapping
from tests.factories import make_player

ACCOUNT = "0:" + "ab" * 32
HOT_WALLET = TonAddress(0, b"\xab" * 32).friendly()
UNITS = 10**9
PAGES = 4


@dataclass
class Paged:
    """As much of a chain as reading an account asks for: pages of one transfer each."""

    tag: str
    asked: list[int] = field(default_factory=list)
    failing_after: int = -1
    under_way: int = 0
    name: str = "ton"

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        forbid_open_transaction()
        assert limit
        self.asked.append(after.lt)
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            if after.lt == self.failing_after:
                raise OutsideUnavailable(source="test", reason="told to")
        finally:
            self.under_way -= 1
        if after.lt == head.block:
            return Page((), (), after, False)
        lt = after.lt + 1
        transfer = ChainTransfer(
            business_key=f"{account}:{lt}",
            tx_hash=f"hash {lt}",
            account=account,
            sender="0:" + "cd" * 32,
            comment=self.tag,
            units=UNITS,
            block=lt,
            at=utc_now(),
        )
        return Page((transfer,), (), Position(lt, f"hash {lt}"), lt < head.block)


@dataclass
class Account:
    database: Database
    player_id: int
    chain: Paged

    async def read(self) -> None:
        await read_account(
            self.database,
            self.chain,  # type: ignore[arg-type]
            rail="ton",
            address=ACCOUNT,
            account=ACCOUNT,
            head=ChainHead(PAGES, utc_now()),
        )

    async def state(self) -> tuple[int, int]:
        """How far the cursor is, and the player's cash in payments."""
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain="ton", account=ACCOUNT)
            found = await journal.balances(session, self.player_id)
        return cursor.lt, found[Asset.TON].cash // UNITS


@pytest.fixture
async def house(db: Database) -> Database:
    await cashbox.open_house(db)
    async with db.transaction() as session:
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=utc_now())
    return db


@pytest.fixture
async def account(db: Database) -> Account:
    async with db.transaction() as session:
        player_id = await make_player(session)
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=utc_now())
        told = await addresses.deposit_instruction(
            session, player_id=player_id, rail="ton", now=utc_now()
        )
    return Account(db, player_id, Paged(told.tag or ""))


async def test_each_page_is_asked_for_once_and_before_the_last_is_booked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, ahead = deposits.advance_cursor, []

    async def slow(*given: object, lt: int, **named: object) -> None:
        await asyncio.sleep(0.05)
        ahead.append(len(account.chain.asked) - lt)
        await advance(*given, lt=lt, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reading.deposits, "advance_cursor", slow)
    await account.read()
    assert account.chain.asked == [0, 1, 2, 3]
    assert ahead == [1, 1, 1, 0]
    assert await account.state() == (PAGES, PAGES)


async def test_a_page_that_cannot_be_booked_stops_the_next_one_too(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = deposits.confirm

    async def crash(*given: object, **named: object) -> int:
        await confirm(*given, **named)  # type: ignore[arg-type]
        raise ConnectionError

    monkeypatch.setattr(reading.deposits, "confirm", crash)
    with pytest.raises(ConnectionError):
        await account.read()
    assert account.chain.under_way == 0
    async with account.database.transaction() as session:
        assert (await deposits.read_cursor(session, chain="ton", account=ACCOUNT)).lt == 0
    monkeypatch.setattr(reading.deposits, "confirm", confirm)
    await account.read()
    assert await account.state() == (PAGES, PAGES)


async def test_trouble_with_a_page_read_ahead_keeps_what_was_booked(account: Account) -> None:
    account.chain.failing_after = 2
    with pytest.raises(OutsideUnavailable):
        await account.read()
    assert await account.state() == (2, 2)
    account.chain.failing_after = -1
    await account.read()
    assert await account.state() == (PAGES, PAGES)


async def test_two_readers_at_once_book_everything_once(account: Account) -> None:
    for found in await asyncio.gather(account.read(), account.read(), return_exceptions=True):
        # The slower one may find the cursor beyond its own page: it stops, and nothing is lost.
        assert found is None or "went back" in str(found)
    await account.read()
    assert await account.state() == (PAGES, PAGES)


def came(tag: str) -> ChainTransfer:
    return ChainTransfer("key", "hash", ACCOUNT, "0:" + "cd" * 32, tag, UNITS, 1, utc_now())


async def test_a_page_and_the_end_of_a_payment_at_once_both_come_through(account: Account) -> None:
    """The end of a payment holds its player and books what the network took from the house."""
    fee = NetworkFee("cost", Asset.TON, 5, utc_now())
    page = Page((came(account.chain.tag),), (fee,), Position(1, "hash"), more=False)
    head = ChainHead(1, utc_now())
    await overlapping(
        account.database,
        lambda session: journal.lock_players(session, [PlayerId(account.player_id)]),
        lambda session: reading._book(session, "ton", ACCOUNT, page, head),
        then=lambda session: payouts.book_network_fee(
            session, rail="ton", units=7, reference="other", now=utc_now()
        ),
    )
    assert (await account.state())[1] == 1


async def test_whom_a_strange_message_paid_is_locked_in_the_order_of_players(
    house: Database,
) -> None:
    players = [await cashbox.rich_player(house) for _ in range(2)]
    asked = [
        await cashbox.ask(house, player, destination=TonAddress(0, bytes([at]) * 32).friendly())
        for at, player in enumerate(players, start=1)
    ]
    sends = tuple(Sent(one.destination, one.net_units) for one in reversed(asked))
    message = Carrier("message", "hash", utc_now(), sends)
    low, high = (PlayerId(one) for one in sorted(players))
    await overlapping(
        house,
        lambda session: journal.lock_players(session, [low]),
        lambda session: reading._note_foreign(session, "ton", ACCOUNT, [message]),
        then=lambda session: journal.lock_players(session, [high]),
    )
    async with house.transaction() as session:
        found = [await withdrawals.get(session, withdrawal_id=one.id) for one in asked]
    assert [one.reason for one in found] == ["maybe_paid"] * 2
