"""The rules that may refuse a stake, a function each, in the order in which they are asked; pure.

A new rule is a function here and its name in the lists below it concerns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from casino.errors import InsufficientFunds, Paused, RateStale, StakeOutOfRange
from casino.exchange import USABLE_FOR
from casino.ledger.wallet import Wallet
from casino.money import UNITS_MAX, Asset
from casino.players.rules import check_play, check_stake
from casino.switches import BETS, asset_flag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from casino.betting.state import House, PlayState, StakeRange
    from casino.errors import Refusal


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A stake that someone wants to place, and all that the rules look at.

    `switch` stops the game or the company that offers it; `stakes` is the range of a game of our
    own, None where there is none in this asset.
    """

    state: PlayState
    wallets: Mapping[Asset, Wallet]
    house: House
    switch: str
    asset: Asset
    stake: int
    stakes: StakeRange | None
    now: datetime


Rule: TypeAlias = "Callable[[Asked], Refusal | None]"


def may_play(asked: Asked) -> Refusal | None:
    """The account, self-exclusion and time-out, age and the terms in force."""
    return check_play(asked.state.facts, now=asked.now)


def is_running(asked: Asked) -> Refusal | None:
    """The kill switches: all bets, this game, this asset."""
    stopped = asked.house.stopped
    if stopped:
        for switch in (BETS, asked.switch, asset_flag(asked.asset)):
            if switch in stopped:
                return Paused(switch=switch)
    return None


def is_in_range(asked: Asked) -> Refusal | None:
    """The smallest and the largest stake of the game."""
    stakes = asked.stakes
    if stakes is None:
        return Paused(switch=asset_flag(asked.asset))
    if not stakes.low <= asked.stake <= min(stakes.high, UNITS_MAX):
        return StakeOutOfRange(minimum=stakes.low, maximum=stakes.high, asset=asked.asset)
    return None


def is_within_limits(asked: Asked) -> Refusal | None:
    """What the player allowed himself, counted in the reference currency."""
    rate = asked.house.rates.get(asked.asset)
    if rate is None or asked.now - rate.quoted_at > USABLE_FOR:
        return RateStale(asset=asked.asset)
    return check_stake(asked.state.facts, stake_ref=rate.to_reference(asked.stake), now=asked.now)


def is_funded(asked: Asked) -> Refusal | None:
    """Cash to stake."""
    wallet = asked.wallets.get(asked.asset)
    have = wallet.cash if wallet else 0
    return InsufficientFunds(available=have, asset=asked.asset) if asked.stake > have else None


OWN_GAME: tuple[Rule, ...] = (may_play, is_running, is_in_range, is_within_limits, is_funded)
DEBIT: tuple[Rule, ...] = (may_play, is_running, is_within_limits, is_funded)


def refused(rules: tuple[Rule, ...], asked: Asked) -> Refusal | None:
    """The first refusal among the rules."""
    for rule in rules:
        refusal = rule(asked)
        if refusal is not None:
            return refusal
    return None
