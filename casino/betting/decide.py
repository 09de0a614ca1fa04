"""Wallet + command + rules -> new state, transfers, round | refusal; pure.

A bet reads like its list of rules: refused by one of them (`bet_rules`), covered by the bankroll,
nonce, draw, payout, counters, receipt.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from casino.betting import bankroll, fairness
from casino.betting.bet_rules import DEBIT, OWN_GAME, Asked, refused
from casino.betting.fairness import Seeds
from casino.betting.receipts import GENESIS, receipt_hash
from casino.betting.state import House, PlayState, Round
from casino.errors import BadChoice, ExposureReached, Refusal, RoundClosed, SeedInUse
from casino.ids import EntryId, RoundId, SeedPairId
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset, scaled
from casino.switches import game_flag

if TYPE_CHECKING:
    from datetime import datetime

    from casino.betting.commands import (
        Act,
        CashOut,
        Debit,
        OpenRound,
        PlaceBet,
        RotateSeed,
    )
    from casino.betting.game import StepGame
    from casino.players.rules import PlayerFacts

NOTHING, STAKE_BACK = Fraction(0), Fraction(1)

Wallets = dict[Asset, Wallet]
Made: TypeAlias = tuple[PlayState, Round, tuple[Posting, ...]]


def place_bet(
    state: PlayState,
    wallets: Wallets,
    bet: PlaceBet,
    house: House,
    *,
    entry_id: EntryId,
    now: datetime,
) -> Made | Refusal:
    """An instant round: every rule, the draw, the payout and the receipt."""
    asked = _asked(state, wallets, bet, house, now)
    refusal = refused(OWN_GAME, asked) or _check_covered(bet, house)
    if refusal is not None:
        return refusal
    seeds = _next_seeds(state)
    outcome = bet.game.resolve(bet.choice, seeds.stream())
    payout = scaled(bet.stake, outcome.multiplier)
    drawn = replace(
        _opened(state, bet, seeds, entry_id, now),
        payout=payout,
        details=outcome.details,
        multiplier=outcome.multiplier,
    )
    settled = _settled(state, drawn, bet.game.table_hash, now)
    after = PlayState(
        _counted(state, house, bet.asset, stake=bet.stake, payout=payout, now=now),
        replace(state.seeds, used=seeds.nonce + 1, receipt_head=settled.receipt_hash),
        state.batch,
        state.open_rounds,
    )
    staked = Posting(
        Account.PLAYER_CASH, Account.HOUSE_GAMING, bet.stake, bet.asset, Kind.BET_STAKE
    )
    return after, settled, (staked, *_paid(payout, bet.asset))


def open_round(
    state: PlayState,
    wallets: Wallets,
    bet: OpenRound,
    house: House,
    *,
    entry_id: EntryId,
    now: datetime,
) -> Made | Refusal:
    """The opening of a round of several steps: the stake is held, the draw is fixed.

    The round ends by itself at the last step whose payout the house can cover, which leaves its
    return to player as it is: every stopping point of a step game has the same return.
    """
    refusal = refused(OWN_GAME, _asked(state, wallets, bet, house, now))
    if refusal is not None:
        return refusal
    for round_ in state.open_rounds.values():
        if round_.game == bet.game.slug:
            return RoundClosed(status="open", round=round_.id)
    capital = house.bankroll.get(bet.asset, 0)
    allowed = bankroll.winnings_max(bankroll=capital, rtp=bet.game.rtp(bet.choice))
    steps = steps_covered(bet.game, bet, allowed)
    if steps == 0:
        return ExposureReached(maximum=allowed, asset=bet.asset)
    exposure = _payout(bet.game, bet, steps) - bet.stake
    room = bankroll.open_max(bankroll=capital) - house.exposure_open.get(bet.asset, 0)
    if exposure > room:
        return ExposureReached(maximum=max(0, room), asset=bet.asset)
    seeds = _next_seeds(state)
    opened = replace(
        _opened(state, bet, seeds, entry_id, now),
        status="open",
        steps=(),
        multiplier=STAKE_BACK,
        steps_allowed=steps,
        exposure=exposure,
    )
    after = PlayState(
        _counted(state, house, bet.asset, stake=bet.stake, payout=0, now=now),
        replace(state.seeds, used=seeds.nonce + 1),
        state.batch,
        {**state.open_rounds, opened.id: opened},
    )
    held = Posting(
        Account.PLAYER_CASH, Account.HOUSE_OPEN_ROUNDS, bet.stake, bet.asset, Kind.BET_STAKE
    )
    return after, opened, (held,)


def act(
    state: PlayState,
    command: Act,
    game: StepGame,
    secret: tuple[int, ...],
    house: House,
    now: datetime,
) -> Made | Refusal:
    """One step; a lost or last step settles the round. Rounds already open go on whatever the
    kill switches, limits or exclusions say: the stake was placed under the rules of then."""
    round_ = state.open_rounds.get(command.round_id)
    if round_ is None:
        return RoundClosed(status="settled")
    try:
        step = game.act(round_.choice, secret, round_.steps or (), command.action)
    except BadChoice as refusal:
        return refusal
    if step.lost:
        lost = replace(round_, steps=step.steps, multiplier=NOTHING)
        return _close(state, lost, game, secret, house, now)
    multiplier = game.multiplier(round_.choice, len(step.steps))
    going = replace(round_, steps=step.steps, multiplier=multiplier)
    if step.finished or len(step.steps) == round_.steps_allowed:
        return _close(state, going, game, secret, house, now)
    return replace(state, open_rounds={**state.open_rounds, going.id: going}), going, ()


def cash_out(
    state: PlayState,
    command: CashOut,
    game: StepGame,
    secret: tuple[int, ...],
    house: House,
    now: datetime,
) -> Made | Refusal:
    """End an open round at its present multiplier; with no step made the stake simply returns."""
    round_ = state.open_rounds.get(command.round_id)
    if round_ is None:
        return RoundClosed(status="settled")
    return _close(state, round_, game, secret, house, now)


def rotate_seed(
    state: PlayState, command: RotateSeed, *, next_pair_id: SeedPairId
) -> PlayState | Refusal:
    """Reveal the active pair and promote the next one; refused while a round under it is open."""
    for round_ in state.open_rounds.values():
        return SeedInUse(round=round_.id)
    old = state.seeds
    return replace(
        state,
        seeds=replace(
            old,
            pair_id=old.next_pair_id,
            server_seed=old.next_server_seed,
            commitment=old.next_commitment,
            client_seed=command.client_seed or old.client_seed,
            client_seed_by="player" if command.client_seed else old.client_seed_by,
            used=0,
            next_pair_id=next_pair_id,
            next_server_seed=command.server_seed,
            next_commitment=fairness.commitment(command.server_seed),
        ),
    )


def check_debit(
    state: PlayState, wallets: Wallets, call: Debit, house: House, *, now: datetime
) -> Refusal | None:
    """The rules of a stake in another company's game: theirs is the draw, ours the gate."""
    asked = Asked(
        state, wallets, house, game_flag(call.provider), call.asset, call.units, None, now
    )
    return refused(DEBIT, asked)


def debited(state: PlayState, house: House, asset: Asset, units: int, now: datetime) -> PlayState:
    """Count a stake placed in another company's game."""
    counted = _counted(state, house, asset, stake=units, payout=0, now=now)
    return replace(state, facts=counted)


def credited(state: PlayState, house: House, asset: Asset, units: int, now: datetime) -> PlayState:
    """Count a payout received from another company's game."""
    counted = _counted(state, house, asset, stake=0, payout=units, now=now)
    return replace(state, facts=counted)


def refunded(state: PlayState, house: House, asset: Asset, units: int, now: datetime) -> PlayState:
    """Take a stake back out of the counters."""
    rate = house.rates.get(asset)
    if rate is None:
        return state
    counters = state.facts.counters.rolled(now).with_refund(
        -rate.to_reference(-units), rate_id=rate.id
    )
    return replace(state, facts=replace(state.facts, counters=counters))


def steps_covered(game: StepGame, bet: OpenRound, allowed: int) -> int:
    """How many steps a round may have so that its winnings stay within `allowed` units."""
    steps = 0
    while steps < game.steps_max(bet.choice):
        if _payout(game, bet, steps + 1) - bet.stake > allowed:
            break
        steps += 1
    return steps


def _asked(
    state: PlayState, wallets: Wallets, bet: PlaceBet | OpenRound, house: House, now: datetime
) -> Asked:
    slug = bet.game.slug
    stakes = house.stakes.get((slug, bet.asset))
    return Asked(state, wallets, house, game_flag(slug), bet.asset, bet.stake, stakes, now)


def _check_covered(bet: PlaceBet, house: House) -> Refusal | None:
    most = scaled(bet.stake, bet.game.max_multiplier(bet.choice))
    allowed = bankroll.winnings_max(
        bankroll=house.bankroll.get(bet.asset, 0), rtp=bet.game.rtp(bet.choice)
    )
    if most - bet.stake > allowed:
        return ExposureReached(maximum=allowed, asset=bet.asset)
    return None


def _next_seeds(state: PlayState) -> Seeds:
    pair = state.seeds
    return Seeds(pair.server_seed, pair.client_seed, pair.used)


def _opened(
    state: PlayState, bet: PlaceBet | OpenRound, seeds: Seeds, entry_id: EntryId, now: datetime
) -> Round:
    return Round(
        id=RoundId(entry_id),
        player_id=bet.player_id,
        game=bet.game.slug,
        algorithm=bet.game.algorithm,
        asset=bet.asset,
        status="settled",
        stake=bet.stake,
        payout=0,
        choice=bet.choice,
        steps=None,
        details=None,
        multiplier=NOTHING,
        steps_allowed=None,
        exposure=0,
        seed_pair_id=state.seeds.pair_id,
        seed_nonce=seeds.nonce,
        commitment=state.seeds.commitment,
        client_seed=seeds.client_seed,
        receipt_hash=None,
        receipt_before=None,
        opened_at=now,
        settled_at=None,
    )


def _counted(
    state: PlayState, house: House, asset: Asset, *, stake: int, payout: int, now: datetime
) -> PlayerFacts:
    rate = house.rates.get(asset)
    if rate is None:
        return state.facts
    counters = state.facts.counters.rolled(now).with_round(
        rate.to_reference(stake),
        # Rounded down, as a stake is rounded up: rounding never makes room under a limit.
        -rate.to_reference(-payout),
        rate_id=rate.id,
    )
    return replace(state.facts, counters=counters)


def _settled(state: PlayState, round_: Round, table_hash: str, now: datetime) -> Round:
    before = state.seeds.receipt_head or GENESIS
    proof = receipt_hash(round_, table_hash=table_hash, before=before)
    return replace(
        round_, status="settled", settled_at=now, receipt_before=before, receipt_hash=proof
    )


def _close(
    state: PlayState,
    round_: Round,
    game: StepGame,
    secret: tuple[int, ...],
    house: House,
    now: datetime,
) -> Made:
    payout = scaled(round_.stake, round_.multiplier)
    ended = replace(
        round_, payout=payout, details=game.view(round_.choice, secret, round_.steps or ())
    )
    settled = _settled(state, ended, game.table_hash, now)
    after = PlayState(
        _counted(state, house, round_.asset, stake=0, payout=payout, now=now),
        replace(state.seeds, receipt_head=settled.receipt_hash),
        state.batch,
        {key: other for key, other in state.open_rounds.items() if key != round_.id},
    )
    taken = Posting(
        Account.HOUSE_OPEN_ROUNDS,
        Account.HOUSE_GAMING,
        round_.stake,
        round_.asset,
        Kind.BET_SETTLE,
    )
    return after, settled, (taken, *_paid(payout, round_.asset))


def _paid(payout: int, asset: Asset) -> tuple[Posting, ...]:
    if not payout:
        return ()
    return (Posting(Account.HOUSE_GAMING, Account.PLAYER_CASH, payout, asset, Kind.BET_PAYOUT),)


def _payout(game: StepGame, bet: OpenRound, steps: int) -> int:
    return scaled(bet.stake, game.multiplier(bet.choice, steps))
