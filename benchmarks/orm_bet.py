"""The same bet as a user of an ORM would write it: one session, one unit of work, one commit.

Same tables, same rules in the same order, same durability; the house's accounts are append-only
here too. It is what the play service is compared with, and nothing else runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from casino.betting import bankroll
from casino.betting.fairness import Seeds
from casino.betting.notices import LARGE_WIN
from casino.betting.receipts import FORM, GENESIS, hash_of_content
from casino.betting.seeds import PURPOSE
from casino.betting.tables import GameTermsRow, RoundRow, SeedPairRow
from casino.clock import Window, utc_now, window_end, window_start
from casino.db import SERVER_SETTINGS
from casino.errors import (
    AccountClosed,
    ConsentRequired,
    CoolingOff,
    ExposureReached,
    IdempotencyConflict,
    InsufficientFunds,
    LimitReached,
    Paused,
    RateStale,
    SelfExcluded,
    StakeOutOfRange,
)
from casino.exchange import USABLE_FOR
from casino.flags import FlagRow
from casino.ids import PlayerId, first_id_at
from casino.ledger.chart import BANKROLL, Account, Kind
from casino.ledger.keys import Key, fingerprint
from casino.ledger.tables import BetKeyRow, HouseRollup, LedgerPlayer, TransferRow, WalletRow
from casino.money import Asset, scaled
from casino.outbox import STAFF, OutboxRow
from casino.players.rules import TERMS_VERSION
from casino.players.tables import CountersRow, LimitRow, PlayerRow
from casino.rates import RateRow
from casino.switches import BETS, asset_flag, game_flag
from casino.vault import PlayerKeyRow, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from casino.betting.game import Choice, InstantGame
    from casino.vault import Vault

POOL = 16
# Switches, rates, stakes and the bankroll are the same for everybody: asking once a second is what
# anybody would do.
HOUSE_AGE_MAX = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HouseFacts:
    """What does not depend on the player, at most a second old."""

    asked_at: datetime
    stopped: frozenset[str]
    rates: Mapping[int, RateRow]
    terms: Mapping[tuple[str, int], GameTermsRow]
    bankroll: Mapping[int, int]


class OrmHouse:
    """A pool of sixteen connections and a session for each bet."""

    def __init__(self, url: str, vault: Vault) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=60,
            connect_args={"server_settings": SERVER_SETTINGS},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._vault = vault
        self._seeds: dict[int, str] = {}
        self._facts: HouseFacts | None = None

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def place_bet(
        self,
        *,
        player_id: PlayerId,
        game: InstantGame,
        asset: Asset,
        stake: int,
        choice: Mapping[str, object],
        reference: str,
    ) -> RoundRow:
        """Settle an instant round once for its reference; raises the refusal of a rule."""
        now, chosen = utc_now(), game.parse(choice)
        key = Key("play/bet", reference)
        mark = fingerprint(
            {"game": game.slug, "asset": asset.value, "stake": stake, "choice": dict(chosen)}
        )
        async with self._sessions() as session, session.begin():
            await session.execute(
                select(LedgerPlayer).where(LedgerPlayer.player_id == player_id).with_for_update()
            )
            earlier = await session.scalar(
                select(BetKeyRow).where(
                    BetKeyRow.scope == key.scope,
                    BetKeyRow.reference == key.reference,
                    BetKeyRow.entry_id >= _oldest(now),
                )
            )
            if earlier is not None:
                if earlier.player_id != player_id or earlier.fingerprint != mark:
                    raise IdempotencyConflict(reference=reference)
                return await session.get_one(RoundRow, earlier.entry_id)
            house = await self._house(session, now)
            player, counters, wallet, pair, entry_id = await _load(session, player_id, asset)
            limits = (
                await session.scalars(select(LimitRow).where(LimitRow.player_id == player_id))
            ).all()

            _require_may_play(player, now)
            _require_running(house, game, asset)
            _require_range(house, game, asset, stake)
            rate = _usable_rate(house, asset, now)
            _roll(counters, now)
            _require_within(limits, counters, _in_reference(rate, stake), now)
            if stake > wallet.cash:
                raise InsufficientFunds(available=wallet.cash, asset=asset)
            _require_covered(house, game, chosen, asset, stake)

            server_seed = await self._server_seed(session, pair, player_id)
            nonce, pair.used = pair.used, pair.used + 1
            client_seed = pair.client_seed or ""
            outcome = game.resolve(chosen, Seeds(server_seed, client_seed, nonce).stream())
            payout = scaled(stake, outcome.multiplier)

            round_ = RoundRow(
                id=entry_id,
                player_id=player_id,
                game=game.slug,
                algorithm=game.algorithm,
                asset=asset.code,
                status="settled",
                stake=stake,
                payout=payout,
                choice=dict(chosen),
                steps=None,
                details=dict(outcome.details),
                multiplier_n=outcome.multiplier.numerator,
                multiplier_d=outcome.multiplier.denominator,
                steps_allowed=None,
                exposure=0,
                seed_pair_id=pair.id,
                seed_nonce=nonce,
                opened_at=now,
                settled_at=now,
            )
            _seal_receipt(round_, pair, game.table_hash)
            wallet.cash += payout - stake
            _count(counters, rate, stake=stake, payout=payout)
            session.add(round_)
            session.add_all(_transfers(round_))
            session.add(
                BetKeyRow(
                    scope=key.scope,
                    reference=key.reference,
                    entry_id=entry_id,
                    player_id=player_id,
                    fingerprint=mark,
                )
            )
            _tell_large_win(session, round_, rate)
        return round_

    async def _house(self, session: AsyncSession, now: datetime) -> HouseFacts:
        if self._facts is None or now - self._facts.asked_at > HOUSE_AGE_MAX:
            self._facts = await _ask_house(session, now)
        return self._facts

    async def _server_seed(
        self, session: AsyncSession, pair: SeedPairRow, player_id: PlayerId
    ) -> str:
        if pair.id not in self._seeds:
            row = await session.get_one(PlayerKeyRow, player_id)
            key = self._vault.unwrap(player_id, version=row.key_version, wrapped=row.wrapped)
            plain = unseal(key, pair.sealed, purpose=PURPOSE, player_id=player_id)
            self._seeds[pair.id] = plain.decode()
        return self._seeds[pair.id]


async def _load(
    session: AsyncSession, player_id: PlayerId, asset: Asset
) -> tuple[PlayerRow, CountersRow, WalletRow, SeedPairRow, int]:
    """Everything about the player in one statement, after the lock, and an id for the round."""
    row = (
        await session.execute(
            select(PlayerRow, CountersRow, WalletRow, SeedPairRow, func.next_id())
            .join(CountersRow, CountersRow.player_id == PlayerRow.id)
            .join(WalletRow, WalletRow.player_id == PlayerRow.id)
            .join(SeedPairRow, SeedPairRow.player_id == PlayerRow.id)
            .where(
                PlayerRow.id == player_id,
                WalletRow.asset == asset.code,
                SeedPairRow.status == "active",
            )
        )
    ).one()
    return row[0], row[1], row[2], row[3], row[4]


async def _ask_house(session: AsyncSession, now: datetime) -> HouseFacts:
    flags = await session.scalars(select(FlagRow.name).where(FlagRow.stopped))
    rates = await session.scalars(select(RateRow).order_by(RateRow.id))
    terms = await session.scalars(select(GameTermsRow).order_by(GameTermsRow.id))
    funds = await session.execute(
        select(HouseRollup.asset, func.sum(HouseRollup.balance))
        .where(HouseRollup.account.in_([int(account) for account in BANKROLL]))
        .group_by(HouseRollup.asset)
    )
    return HouseFacts(
        asked_at=now,
        stopped=frozenset(flags),
        rates={row.asset: row for row in rates},
        terms={(row.game, row.asset): row for row in terms},
        bankroll={code: int(units) for code, units in funds},
    )


def _require_may_play(player: PlayerRow, now: datetime) -> None:
    if player.status != "active":
        raise AccountClosed(reason=player.status)
    if player.excluded_for_life:
        raise SelfExcluded(until=None)
    if player.excluded_until is not None and now < player.excluded_until:
        raise SelfExcluded(until=player.excluded_until)
    if player.cooling_off_until is not None and now < player.cooling_off_until:
        raise CoolingOff(until=player.cooling_off_until)
    if player.terms_version != TERMS_VERSION:
        raise ConsentRequired(terms_version=TERMS_VERSION)


def _require_running(house: HouseFacts, game: InstantGame, asset: Asset) -> None:
    for switch in (BETS, game_flag(game.slug), asset_flag(asset)):
        if switch in house.stopped:
            raise Paused(switch=switch)


def _require_range(house: HouseFacts, game: InstantGame, asset: Asset, stake: int) -> None:
    terms = house.terms.get((game.slug, asset.code))
    if terms is None:
        raise Paused(switch=asset_flag(asset))
    if not terms.stake_min <= stake <= terms.stake_max:
        raise StakeOutOfRange(minimum=terms.stake_min, maximum=terms.stake_max, asset=asset)


def _usable_rate(house: HouseFacts, asset: Asset, now: datetime) -> RateRow:
    rate = house.rates.get(asset.code)
    if rate is None or now - rate.quoted_at > USABLE_FOR:
        raise RateStale(asset=asset)
    return rate


def _require_within(
    limits: Sequence[LimitRow], counters: CountersRow, stake_ref: int, now: datetime
) -> None:
    for limit in limits:
        due = limit.pending_at is not None and now >= limit.pending_at
        units = limit.pending_units if due else limit.units
        if limit.kind == "deposit" or units is None:
            continue
        used = {"wager": "staked", "loss": "lost"}.get(limit.kind)
        so_far: int = getattr(counters, f"{limit.window}_{used}") if used else 0
        if so_far + stake_ref > units:
            raise LimitReached(
                kind=limit.kind,
                window=limit.window,
                limit=units,
                used=so_far,
                resets_at=window_end(Window(limit.window), now) if used else None,
            )


def _require_covered(
    house: HouseFacts, game: InstantGame, chosen: Choice, asset: Asset, stake: int
) -> None:
    most = scaled(stake, game.max_multiplier(chosen))
    funds = house.bankroll.get(asset.code, 0)
    allowed = bankroll.winnings_max(bankroll=funds, rtp=game.rtp(chosen))
    if most - stake > allowed:
        raise ExposureReached(maximum=allowed, asset=asset)


def _roll(counters: CountersRow, now: datetime) -> None:
    """Begin windows that have ended anew."""
    for window in Window:
        start = window_start(window, now).date()
        if getattr(counters, window.value) < start:
            setattr(counters, window.value, start)
            for tally in ("staked", "lost", "deposited"):
                setattr(counters, f"{window.value}_{tally}", 0)


def _count(counters: CountersRow, rate: RateRow, *, stake: int, payout: int) -> None:
    staked, returned = _in_reference(rate, stake), -_in_reference(rate, -payout)
    counters.day_staked += staked
    counters.day_lost += staked - returned
    counters.week_staked += staked
    counters.week_lost += staked - returned
    counters.month_staked += staked
    counters.month_lost += staked - returned
    counters.rate_id = rate.id


def _transfers(round_: RoundRow) -> list[TransferRow]:
    legs = [(Kind.BET_STAKE, Account.PLAYER_CASH, Account.HOUSE_GAMING, round_.stake)]
    if round_.payout:
        legs.append((Kind.BET_PAYOUT, Account.HOUSE_GAMING, Account.PLAYER_CASH, round_.payout))
    return [
        TransferRow(
            entry_id=round_.id,
            leg=leg,
            asset=round_.asset,
            kind=int(kind),
            debit_account=int(debit),
            credit_account=int(credit),
            player_id=round_.player_id,
            amount=units,
            subject_id=round_.id,
            created_at=round_.opened_at,
        )
        for leg, (kind, debit, credit, units) in enumerate(legs)
    ]


def _seal_receipt(round_: RoundRow, pair: SeedPairRow, table_hash: str) -> None:
    """Hash what the receipt says and chain it to the player's receipt before it."""
    before = pair.receipt_head or GENESIS
    number = str(round_.id)
    facts = {
        "form": FORM,
        "round": number,
        "player": str(round_.player_id),
        "game": round_.game,
        "algorithm": round_.algorithm,
        "table_hash": table_hash,
        "asset": Asset.from_code(round_.asset).value,
        "stake": str(round_.stake),
        "payout": str(round_.payout),
        "multiplier": [str(round_.multiplier_n), str(round_.multiplier_d)],
        "choice": round_.choice,
        "steps": round_.steps,
        "details": round_.details,
        "commitment": pair.commitment,
        "client_seed": pair.client_seed,
        "seed_nonce": round_.seed_nonce,
        "transfer": number,
        "previous": before.hex(),
    }
    round_.receipt_before = before
    round_.receipt_hash = pair.receipt_head = hash_of_content(facts)


def _tell_large_win(session: AsyncSession, round_: RoundRow, rate: RateRow) -> None:
    winnings = round_.payout - round_.stake
    if winnings <= 0 or _in_reference(rate, winnings) < LARGE_WIN:
        return
    payload = {"round_id": round_.id, "player_id": round_.player_id, "payout": round_.payout}
    session.add(OutboxRow(consumer=STAFF, key=round_.id, kind="alert.large_win", payload=payload))


def _in_reference(rate: RateRow, units: int) -> int:
    return -(-units * rate.numerator // rate.denominator)


def _oldest(now: datetime) -> int:
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first_id_at((this_month - timedelta(days=1)).replace(day=1))
