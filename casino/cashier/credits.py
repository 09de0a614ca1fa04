"""Deposits of one rail brought into wallets: decided one after the other, stored together.

A chain cannot be refused: a deposit above the player's limit, while he is excluded or blocked or
while deposits are stopped is held, visible to him and to staff, and never played by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from casino import flags, rates, switches
from casino.cashier import crediting
from casino.cashier.crediting import SYSTEM, Change, DepositStatus
from casino.cashier.deposit_news import DepositNews, tell_player
from casino.cashier.rails import Rail, required_switches
from casino.errors import Paused, RateStale, Refusal
from casino.exchange import USABLE_FOR, Rate
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.finality import shift_not_final
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players import facts as player_facts
from casino.players import rules

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.tables import DepositRow
    from casino.ledger.journal import MoneyCommand
    from casino.players.rules import PlayerFacts


@dataclass(slots=True)
class Credits:
    """What becomes of deposits that their chain has confirmed, by rules that were read once.

    Every decision counts for the next: limits are used up in the order of the decisions. Nothing
    is stored before `store`, and then once."""

    rail: Rail
    now: datetime
    news: DepositNews
    _facts: dict[int, PlayerFacts]
    _rate: Rate | None
    _stopped: frozenset[str]
    _commands: list[MoneyCommand] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)
    _not_final: Counter[PlayerId] = field(default_factory=Counter)
    _counted: set[int] = field(default_factory=set)

    @classmethod
    async def open(
        cls,
        session: AsyncSession,
        rail: Rail,
        *,
        players: Collection[int],
        news: DepositNews | None = None,
        now: datetime,
    ) -> Credits:
        """Ready to decide deposits of these players, who are locked. News go after those that
        `news` holds already."""
        facts = await player_facts.load_all(session, player_ids=set(players))
        rate = (await rates.latest(session)).get(rail.asset) if facts else None
        stopped = await flags.stopped(session) if facts else frozenset[str]()
        return cls(rail, now, news or DepositNews(rail), facts, rate, stopped)

    def decide(self, row: DepositRow, *, source: Account, final: bool = True) -> DepositStatus:
        """Whether a deposit is credited or held. `source` is where the coins stand in the book:
        the hot wallet, or unclaimed if they were booked before. One that is not `final` yet may be
        played and not withdrawn."""
        facts, rate = self._facts[row.player_id], self._rate
        row.reference_units = rate.to_reference(row.units) if rate else None
        row.final_at = row.final_at or (self.now if final else None)
        refusal = _check(facts, self.rail, row.reference_units, rate, self._stopped, self.now)
        if refusal is not None:
            self._post(row, source, Account.PLAYER_HELD, Kind.DEPOSIT_HELD)
            self._changes.append(Change(row, DepositStatus.HELD, refusal.code))
            self.news.player(row, kind="deposit.held", reason=refusal.code)
            self.news.staff(row, kind="deposit.held", reason=refusal.code)
            return DepositStatus.HELD
        self._post(row, source, Account.PLAYER_CASH, Kind.DEPOSIT)
        if crediting.may_vanish(row):
            self._not_final[PlayerId(row.player_id)] += row.units
        if rate is not None and row.reference_units is not None:
            counted = facts.counters.rolled(self.now).with_deposit(
                row.reference_units, rate_id=rate.id
            )
            self._facts[row.player_id] = replace(facts, counters=counted)
            self._counted.add(row.player_id)
        self._changes.append(Change(row, DepositStatus.CREDITED))
        self.news.player(row, kind="deposit.credited")
        return DepositStatus.CREDITED

    async def store(
        self, session: AsyncSession, *, also: Sequence[Change] = (), actor: str = SYSTEM
    ) -> None:
        """Post, count and write down everything that was decided, but for the news; `also` are
        moves of other deposits."""
        await journal.post_all(session, self._commands, now=self.now, locked=True)
        await shift_not_final(session, self.rail.asset, self._not_final)
        await player_facts.store_counters_of(
            session, {one: self._facts[one].counters for one in sorted(self._counted)}
        )
        await crediting.move_all(session, [*self._changes, *also], actor=actor, now=self.now)

    def _post(self, row: DepositRow, source: Account, to: Account, kind: Kind) -> None:
        # One key for both ways in: a deposit is credited or held once, whatever is tried again. The
        # request leaves the account out, since a retry may decide differently than the first try.
        self._commands.append(
            journal.money_command(
                player_id=PlayerId(row.player_id),
                source=f"deposit:{row.rail}",
                kind_key="deposit",
                reference=crediting.credit_reference(row),
                request={"deposit": row.id, "units": row.units},
                postings=[Posting(source, to, row.units, Asset.from_code(row.asset), kind)],
                subject_id=row.id,
            )
        )


async def release(
    session: AsyncSession, row: DepositRow, rail: Rail, *, actor: str, now: datetime
) -> None:
    """Make a held deposit playable, if the player's own limits now allow it; raises the refusal
    that still stands in the way."""
    facts = await player_facts.load_one(session, player_id=row.player_id)
    rate = rates.require_usable(await rates.latest(session), rail.asset, now=now)
    row.reference_units = rate.to_reference(row.units)
    refusal = _check(facts, rail, row.reference_units, rate, await flags.stopped(session), now)
    if refusal is not None:
        raise refusal
    await crediting.move(session, row, DepositStatus.CREDITED, actor=actor, now=now)
    await journal.post(
        session,
        player_id=PlayerId(row.player_id),
        source=f"deposit:{row.rail}",
        kind_key="release",
        reference=crediting.credit_reference(row),
        request={"deposit": row.id, "units": row.units},
        postings=[
            Posting(
                Account.PLAYER_HELD,
                Account.PLAYER_CASH,
                row.units,
                rail.asset,
                Kind.DEPOSIT_RELEASE,
            )
        ],
        subject_id=row.id,
        now=now,
    )
    if crediting.may_vanish(row):
        await shift_not_final(session, rail.asset, {PlayerId(row.player_id): row.units})
    counted = facts.counters.rolled(now).with_deposit(row.reference_units, rate_id=rate.id)
    await player_facts.store_counters_of(session, {row.player_id: counted})
    await tell_player(session, row, rail, kind="deposit.credited")


def unclaimed_command(
    rail: Rail, *, business_key: str, units: int, subject_id: int
) -> MoneyCommand:
    """Enter coins into the book that nobody can play yet: no owner known, or too few so far."""
    return journal.money_command(
        player_id=journal.HOUSE,
        source=f"deposit:{rail.name}",
        kind_key="unclaimed",
        reference=business_key,
        request={"units": units},
        postings=[
            Posting(
                hot_wallet(rail.name),
                Account.HOUSE_UNCLAIMED,
                units,
                rail.asset,
                Kind.DEPOSIT_UNCLAIMED,
            )
        ],
        subject_id=subject_id,
    )


def _check(
    facts: rules.PlayerFacts,
    rail: Rail,
    reference_units: int | None,
    rate: Rate | None,
    stopped: frozenset[str],
    now: datetime,
) -> Refusal | None:
    for switch in required_switches(rail, switches.DEPOSITS):
        if switch in stopped:
            return Paused(switch=switch)
    fresh = rate is not None and now - rate.quoted_at <= USABLE_FOR
    if not fresh and rules.deposit_room(facts, now=now) is not None:
        # The player's own limit cannot be counted without a rate; nobody else has to wait for one.
        return RateStale(asset=rail.asset)
    return rules.check_deposit(facts, deposit_ref=reference_units or 0, now=now)
