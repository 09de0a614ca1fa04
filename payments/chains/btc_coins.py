"""Which coins pay for a transaction: branch and bound, then the largest first. Pure.

Sizes are virtual bytes of BIP141, fee rates whole satoshis per virtual byte. Inputs are p2wpkh, as
all coins of ours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

FRAME_WEIGHT = 10 * 4 + 2  # version, two counts of one byte, locktime; segwit marker and flag
COUNT_WEIGHT = 2 * 4  # what a count above 252 takes beyond its one byte
# Outpoint, empty script and sequence; two witness items: a signature of at most 72 bytes (low R
# and low S, as we make them) and a key of 33.
INPUT_WEIGHT = 41 * 4 + 1 + 1 + 72 + 1 + 33
INPUT_VBYTES = 68
CHANGE_SCRIPT_BYTES = 22
DUST_UNITS = {"p2wpkh": 294, "p2wsh": 330, "p2tr": 330, "p2sh": 540, "p2pkh": 546}
DUST_UNITS_OTHER = 546
CHANGE_DUST_UNITS = DUST_UNITS["p2wpkh"]
INPUTS_MAX = 200
OUTPUTS_MAX = 250
TRIES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output of ours.

    `height` is None while it waits for a block; `own_change` says that a transaction of ours made
    it, so that nobody else can take it back. `branch` and `index` lead to its key."""

    txid: str
    vout: int
    units: int
    script: bytes
    branch: int
    index: int
    height: int | None
    own_change: bool = False

    @property
    def outpoint(self) -> str:
        """`txid:vout`."""
        return f"{self.txid}:{self.vout}"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be paid: satoshis and the script that gets them."""

    units: int
    script: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen coins; what they hold is targets, change and fee. `change_units` 0 means that there
    is no change output."""

    coins: tuple[Coin, ...]
    change_units: int
    fee_units: int
    vsize: int


class NotEnoughCoins(Exception):
    """What may be spent does not pay for this; `needed_units` without the fee of the inputs."""

    def __init__(self, *, needed_units: int, available_units: int) -> None:
        super().__init__(f"needed {needed_units}, available {available_units}")
        self.needed_units = needed_units
        self.available_units = available_units


class TargetRefused(ValueError):
    """This cannot be paid: `reason` is dust, empty, many or rate."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def dust_limit(script: bytes) -> int:
    """The least that nodes relay to a script, in satoshis (Core's GetDustThreshold at 3 sat/vB)."""
    length = len(script)
    if length == 22 and script[:2] == b"\x00\x14":
        return DUST_UNITS["p2wpkh"]
    if length == 34 and script[:2] == b"\x00\x20":
        return DUST_UNITS["p2wsh"]
    if length == 34 and script[:2] == b"\x51\x20":
        return DUST_UNITS["p2tr"]
    if length == 23 and script[:2] == b"\xa9\x14":
        return DUST_UNITS["p2sh"]
    return DUST_UNITS_OTHER


def vsize_of(inputs: int, scripts_bytes: Sequence[int]) -> int:
    """The size of a transaction with so many inputs of ours and outputs of such script lengths;
    signatures can only make it smaller, by a few bytes."""
    weight = FRAME_WEIGHT + inputs * INPUT_WEIGHT
    weight += sum((8 + 1 + length) * 4 for length in scripts_bytes)
    weight += sum(COUNT_WEIGHT for count in (inputs, len(scripts_bytes)) if count > 252)
    return (weight + 3) // 4


def change_cost(rate: int, *, later_rate: int) -> int:
    """What a change output costs: to make it now, and to spend it at `later_rate` one day."""
    return (8 + 1 + CHANGE_SCRIPT_BYTES) * rate + INPUT_VBYTES * later_rate


def may_spend(coin: Coin, reserved: Container[str] = frozenset()) -> bool:
    """Whether a coin may be spent now: it is in a block or is change of our own, and no other
    payout has reserved it (`reserved` holds outpoints)."""
    return (coin.height is not None or coin.own_change) and coin.outpoint not in reserved


def select(
    targets: Sequence[Target],
    coins: Iterable[Coin],
    *,
    rate: int,
    later_rate: int,
    reserved: Container[str] = frozenset(),
) -> Selection:
    """Choose coins for these targets at a fee rate; the same coins in any order give the same
    choice. `later_rate` is what spending the change is expected to cost.

    Raises TargetRefused, and NotEnoughCoins when what may be spent does not cover targets and fee.
    """
    _require_targets(targets, rate)
    usable = [
        coin
        for coin in _by_size(coins)
        if may_spend(coin, reserved) and coin.units > INPUT_VBYTES * rate
    ]
    lengths = [len(target.script) for target in targets]
    wanted = sum(target.units for target in targets)
    # Inputs are counted with the rounded size of one, so that a sum of them never comes out small.
    base = wanted + vsize_of(0, lengths) * rate
    cost = change_cost(rate, later_rate=later_rate)
    exact = _branch_and_bound(usable, base, base + cost, rate)
    chosen = exact or _largest_first(usable, base, rate)
    if chosen is None:
        available = sum(coin.units for coin in usable[:INPUTS_MAX])
        raise NotEnoughCoins(needed_units=base, available_units=available)
    return settle(chosen, targets, rate=rate, later_rate=later_rate)


def settle(
    coins: Sequence[Coin], targets: Sequence[Target], *, rate: int, later_rate: int
) -> Selection:
    """What is left over from these coins becomes change where change is worth its cost, else fee.

    Raises NotEnoughCoins."""
    lengths = [len(target.script) for target in targets]
    held = sum(coin.units for coin in coins)
    wanted = sum(target.units for target in targets)
    without = vsize_of(len(coins), lengths)
    with_change = vsize_of(len(coins), [*lengths, CHANGE_SCRIPT_BYTES])
    change = held - wanted - with_change * rate
    if change >= max(CHANGE_DUST_UNITS, INPUT_VBYTES * later_rate):
        return Selection(_in_order(coins), change, with_change * rate, with_change)
    fee = held - wanted
    if fee < without * rate:
        raise NotEnoughCoins(needed_units=wanted + without * rate, available_units=held)
    return Selection(_in_order(coins), 0, fee, without)


def consolidate(
    coins: Iterable[Coin],
    *,
    rate: int,
    rate_max: int,
    coins_min: int,
    reserved: Container[str] = frozenset(),
) -> Selection | None:
    """The coins worth joining into one while fees are low: at most INPUTS_MAX of the smallest that
    are in blocks and hold more than it costs to spend them. None when `rate` is above `rate_max`
    or there are fewer than `coins_min` of them."""
    if rate <= 0:
        raise TargetRefused("rate")
    if rate > rate_max:
        return None
    worth = [
        coin
        for coin in _by_size(coins)
        if coin.height is not None
        and may_spend(coin, reserved)
        and coin.units > INPUT_VBYTES * rate
    ]
    if len(worth) < max(coins_min, 2):
        return None
    chosen = worth[-INPUTS_MAX:]
    vsize = vsize_of(len(chosen), [CHANGE_SCRIPT_BYTES])
    left = sum(coin.units for coin in chosen) - vsize * rate
    if left < CHANGE_DUST_UNITS:
        return None
    return Selection(_in_order(chosen), left, vsize * rate, vsize)


def _require_targets(targets: Sequence[Target], rate: int) -> None:
    if rate <= 0:
        raise TargetRefused("rate")
    if not targets:
        raise TargetRefused("empty")
    if len(targets) > OUTPUTS_MAX:
        raise TargetRefused("many")
    if any(target.units < dust_limit(target.script) for target in targets):
        raise TargetRefused("dust")


def _branch_and_bound(
    usable: Sequence[Coin], low: int, high: int, rate: int
) -> Sequence[Coin] | None:
    """Coins whose worth after the fee of spending them lies between two sums, so that no change is
    needed; of several such sets the one that wastes least. Gives up after TRIES_MAX steps."""
    values = [coin.units - INPUT_VBYTES * rate for coin in usable]
    left = sum(values)
    best: list[int] | None = None
    best_sum = high + 1
    chosen: list[int] = []
    total, at = 0, 0
    for _ in range(TRIES_MAX):
        back = total + left < low or total >= best_sum or len(chosen) > INPUTS_MAX
        if not back and low <= total < best_sum:
            best, best_sum = list(chosen), total
            back = True
        if back or at == len(values):
            # Leave out the last one that was taken in, and go on behind it.
            while at and (not chosen or chosen[-1] != at - 1):
                at -= 1
                left += values[at]
            if not chosen:
                break
            total -= values[chosen.pop()]
            continue
        left -= values[at]
        total += values[at]
        chosen.append(at)
        at += 1
    return None if best is None else [usable[one] for one in best]


def _largest_first(usable: Sequence[Coin], low: int, rate: int) -> Sequence[Coin] | None:
    total = 0
    for count, coin in enumerate(usable[:INPUTS_MAX], start=1):
        total += coin.units - INPUT_VBYTES * rate
        if total >= low:
            return usable[:count]
    return None


def _by_size(coins: Iterable[Coin]) -> list[Coin]:
    return sorted(coins, key=lambda coin: (-coin.units, coin.txid, coin.vout))


def _in_order(coins: Sequence[Coin]) -> tuple[Coin, ...]:
    """The order of BIP69, which says nothing of how the coins were chosen."""
    return tuple(sorted(coins, key=lambda coin: (coin.txid, coin.vout)))
