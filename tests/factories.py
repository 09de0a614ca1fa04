"""Players, money and rates for tests, built only from domain functions."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from casino import rates
from casino.cashier import quotes, withdrawals
from casino.cashier.withdrawals import Withdrawal
from casino.clock import utc_now
from casino.db import Database
from casino.errors import Refusal
from casino.ids import PlayerId, new_reference
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players import identity
from casino.players.rules import TERMS_VERSION
from casino.vault import Vault

TON = 10**9
USDT = 10**6
VAULT = Vault({1: bytes(range(32))})

_people = itertools.count(500_000)


async def make_player(
    session: AsyncSession, *, consented: bool = True, now: datetime | None = None
) -> PlayerId:
    """A player who stated his age and accepted the terms."""
    now = now or utc_now()
    telegram_id = next(_people)
    player = await identity.find_or_create(
        session,
        telegram_id=telegram_id,
        first_name=f"Player {telegram_id}",
        username=None,
        language_code="en",
        start_payload=None,
        now=now,
    )
    if consented:
        await identity.accept_terms(
            session,
            player_id=player.id,
            terms_version=TERMS_VERSION,
            of_age=True,
            language="en",
            now=now,
        )
    return player.id


async def fund(
    session: AsyncSession, player_id: PlayerId, units: int, asset: Asset = Asset.TON
) -> None:
    """Put cash into a player's wallet as a deposit would."""
    external = Account.HOT_WALLET_TON if asset is Asset.TON else Account.HOT_WALLET_USDT_FAUCET
    reference = new_reference()
    await journal.post(
        session,
        player_id=player_id,
        source="test",
        kind_key="deposit",
        reference=reference,
        request={"units": units},
        postings=[Posting(external, Account.PLAYER_CASH, units, asset, Kind.DEPOSIT)],
        subject_id=1,
        now=utc_now(),
    )


async def open_house(session: AsyncSession, *, bankroll_units: int = 10**17) -> None:
    """Rates and a bankroll in both assets: without them no bet is taken."""
    now = utc_now()
    await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=now)
    await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=now)
    for asset, external in (
        (Asset.TON, Account.HOT_WALLET_TON),
        (Asset.USDT, Account.HOT_WALLET_USDT_FAUCET),
    ):
        await journal.post_house(
            session,
            source="test",
            kind_key="capital",
            reference=new_reference(),
            request={"asset": asset},
            postings=[
                Posting(
                    external, Account.HOUSE_CAPITAL, bankroll_units, asset, Kind.CAPITAL_PAID_IN
                )
            ],
            subject_id=1,
            now=now,
        )


async def ready_house(database: Database, *, bankroll_units: int = 10**17) -> None:
    """A house that takes bets, its bankroll rolled up."""
    async with database.transaction() as session:
        await open_house(session, bankroll_units=bankroll_units)
    async with database.transaction() as session:
        await totals.roll_up(session, upto=datetime(2090, 1, 1, tzinfo=UTC))


async def ready_player(database: Database, *, units: int = 100 * TON) -> PlayerId:
    """A player with cash in TON."""
    async with database.transaction() as session:
        player_id = await make_player(session)
        await fund(session, player_id, units)
    return player_id


async def ask_withdrawal(
    session: AsyncSession,
    *,
    player_id: int,
    rail: str,
    units: int,
    destination: str,
    reference: str,
    now: datetime,
    memo: str = "",
) -> Withdrawal:
    """Ask for a withdrawal at the fee of a quote that is made for it, if there can be one."""
    try:
        quote = await quotes.make(session, player_id=player_id, rail=rail, units=units, now=now)
        quote_id = quote.id
    except Refusal:
        # The request itself says why not, or answers for what was asked for before.
        quote_id = 0
    return await withdrawals.request(
        session,
        player_id=player_id,
        rail=rail,
        units=units,
        destination=destination,
        memo=memo,
        quote_id=quote_id,
        reference=reference,
        now=now,
    )
